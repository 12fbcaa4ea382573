"""The page Votes, as Streamlit runs it."""

from promptlab.ui.components import frame
from promptlab.ui.votes import page as votes_page

frame.show(votes_page.page)
