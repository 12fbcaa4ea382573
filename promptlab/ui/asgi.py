"""The ASGI app that `streamlit run` starts: the pages, behind the guard."""

from pathlib import Path

from starlette.middleware import Middleware
from streamlit.starlette import App

from promptlab.ui import warm
from promptlab.ui.guard import Guard

app = App(Path(__file__).with_name("main.py"), middleware=[Middleware(Guard)], lifespan=warm.lifespan)
