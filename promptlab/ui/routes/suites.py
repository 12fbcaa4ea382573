"""The page Suites, as Streamlit runs it."""

from promptlab.ui.components import frame
from promptlab.ui.suites import page as suites_page

frame.show(suites_page.page)
