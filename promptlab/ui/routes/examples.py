"""The page Examples, as Streamlit runs it."""

from promptlab.ui.components import frame
from promptlab.ui.examples import page as examples_page

frame.show(examples_page.page)
