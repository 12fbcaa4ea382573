"""The models' place in the navigation."""

from promptlab.ui import frame, models_page

frame.show(models_page.page)
