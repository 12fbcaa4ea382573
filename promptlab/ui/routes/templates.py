"""The templates' place in the navigation."""

from promptlab.ui import frame, templates_page

frame.show(templates_page.page)
