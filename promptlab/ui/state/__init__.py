"""What outlives a click and a browser tab: the session of a workspace, its drafts, and its running jobs.

Nothing here draws: pages read this state, and it knows no Streamlit widget.
"""
