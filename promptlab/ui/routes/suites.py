"""The suites' place in the navigation."""

from promptlab.ui.components import frame
from promptlab.ui.suites import page as suites_page

frame.show(suites_page.page)
