"""The run history's place in the navigation."""

from promptlab.ui.components import frame
from promptlab.ui.runs import page as runs_page

frame.show(runs_page.page)
