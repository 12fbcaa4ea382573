"""The workbench's place in the navigation."""

from promptlab.ui.components import frame
from promptlab.ui.workbench import page as workbench

frame.show(workbench.page)
