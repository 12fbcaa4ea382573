"""The documents' place in the navigation."""

from promptlab.ui import documents_page, frame

frame.show(documents_page.page)
