"""The examples' place in the navigation."""

from promptlab.ui.components import frame
from promptlab.ui.examples import page as examples_page

frame.show(examples_page.page)
