"""The page Models, as Streamlit runs it."""

from promptlab.ui.components import frame
from promptlab.ui.models import page as models_page

frame.show(models_page.page)
