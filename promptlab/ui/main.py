"""Configures the app, lists its pages and runs the chosen one."""

from pathlib import Path

import streamlit as st

from promptlab.ui import warm
from promptlab.ui.components import skeleton

# Not "pages": Streamlit's old page discovery, from before `st.navigation`, would pick up a folder of that name.
ROUTES = Path(__file__).parent / "routes"
# An inline SVG, because Streamlit would fetch a Material icon for the browser's tab from another host.
ICON = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32"
 rx="7" fill="#2456c4"/>
<path d="M7 10h18M7 16h11M7 22h14" stroke="#fff" stroke-width="3" stroke-linecap="round"/></svg>"""

st.set_page_config(
    page_title="promptlab",
    page_icon=ICON,
    layout="wide",
    menu_items={"Get help": None, "Report a bug": None, "About": None},
)
page = st.navigation(
    [
        st.Page(ROUTES / "workbench.py", title="Workbench", icon=":material/science:", default=True),
        st.Page(ROUTES / "templates.py", title="Templates", icon=":material/edit_note:"),
        st.Page(ROUTES / "documents.py", title="Documents", icon=":material/description:"),
        st.Page(ROUTES / "examples.py", title="Examples", icon=":material/school:"),
        st.Page(ROUTES / "suites.py", title="Suites", icon=":material/fact_check:"),
        st.Page(ROUTES / "experiments.py", title="Experiments", icon=":material/biotech:"),
        st.Page(ROUTES / "finetune.py", title="Fine-tuning", icon=":material/model_training:"),
        st.Page(ROUTES / "votes.py", title="Votes", icon=":material/how_to_vote:"),
        st.Page(ROUTES / "runs.py", title="Runs", icon=":material/history:"),
        st.Page(ROUTES / "ledger.py", title="Ledger", icon=":material/outbox:"),
        st.Page(ROUTES / "models.py", title="Models", icon=":material/memory:"),
    ]
)
if not warm.ready(0.05):
    skeleton.draw()
    warm.ready()
    st.rerun()  # so that the outline does not stay above the page
page.run()
