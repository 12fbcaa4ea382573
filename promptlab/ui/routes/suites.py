"""The suites' place in the navigation."""

from promptlab.ui import frame, suites_page

frame.show(suites_page.page)
