"""The page Fine-tuning, as Streamlit runs it."""

from promptlab.ui.components import frame
from promptlab.ui.finetune import page as finetune_page

frame.show(finetune_page.page)
