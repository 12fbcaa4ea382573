"""The ledger's place in the navigation."""

from promptlab.ui import frame, ledger_page

frame.show(ledger_page.page)
