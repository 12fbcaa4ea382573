"""The examples' place in the navigation."""

from promptlab.ui import examples_page, frame

frame.show(examples_page.page)
