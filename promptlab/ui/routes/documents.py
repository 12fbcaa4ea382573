"""The page Documents, as Streamlit runs it."""

from promptlab.ui.components import frame
from promptlab.ui.documents import page as documents_page

frame.show(documents_page.page)
