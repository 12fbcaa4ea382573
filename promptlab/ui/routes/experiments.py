"""The page Experiments, as Streamlit runs it."""

from promptlab.ui.components import frame
from promptlab.ui.experiments import page as experiments_page

frame.show(experiments_page.page)
