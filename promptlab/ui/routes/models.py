"""The models' place in the navigation."""

from promptlab.ui.components import frame
from promptlab.ui.models import page as models_page

frame.show(models_page.page)
