"""What `streamlit run` is given: the page, behind the guard."""

from pathlib import Path

from starlette.middleware import Middleware
from streamlit.starlette import App

from promptlab.ui.guard import Guard

app = App(Path(__file__).with_name("main.py"), middleware=[Middleware(Guard)])
