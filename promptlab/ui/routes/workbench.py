"""The workbench's place in the navigation."""

from promptlab.ui import frame, workbench

frame.show(workbench.page)
