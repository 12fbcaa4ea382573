"""The workbench, for `streamlit run app.py`; `promptlab app` starts the same page."""

from pathlib import Path

from starlette.middleware import Middleware
from streamlit.starlette import App

from promptlab.ui import warm
from promptlab.ui.guard import Guard

app = App(Path(__file__).parent / "promptlab" / "ui" / "main.py", middleware=[Middleware(Guard)], lifespan=warm.lifespan)
