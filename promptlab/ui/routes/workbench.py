"""The page Workbench, as Streamlit runs it."""

from promptlab.ui.components import frame
from promptlab.ui.workbench import page as workbench

frame.show(workbench.page)
