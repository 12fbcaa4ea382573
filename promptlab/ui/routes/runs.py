"""The run history's place in the navigation."""

from promptlab.ui import frame, runs_page

frame.show(runs_page.page)
