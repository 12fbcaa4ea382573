"""The page Templates, as Streamlit runs it."""

from promptlab.ui.components import frame
from promptlab.ui.templates import page as templates_page

frame.show(templates_page.page)
