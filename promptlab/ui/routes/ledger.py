"""The page Ledger, as Streamlit runs it."""

from promptlab.ui.components import frame
from promptlab.ui.ledger import page as ledger_page

frame.show(ledger_page.page)
