"""The page Runs, as Streamlit runs it."""

from promptlab.ui.components import frame
from promptlab.ui.runs import page as runs_page

frame.show(runs_page.page)
