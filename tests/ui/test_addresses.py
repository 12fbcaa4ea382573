"""Only `links` changes the address of a page, so that a click adds one entry to the browser's history."""

from __future__ import annotations

import re

from promptlab.ui.components import links
from tests.places import PACKAGE

CHANGES = re.compile(
    r"query_params(\[[^\]]*\]\s*=(?!=)|\.(pop|clear|update|from_dict|setdefault|popitem|\w+\s*=(?!=)))|del st\.query"
)


def test_no_page_changes_the_address_itself() -> None:
    # open_template.py names a tab's own draft while it draws: the next run must know it, before the browser does.
    left_out = ("links.py", "open_template.py")
    files = [path for path in (PACKAGE / "ui").rglob("*.py") if path.name not in left_out]
    assert len(files) > 50
    assert [str(path) for path in files if CHANGES.search(path.read_text(encoding="utf-8"))] == []
    assert CHANGES.search((PACKAGE / "ui/components/links.py").read_text(encoding="utf-8"))


def test_what_stands_in_an_address_cannot_leave_its_script() -> None:
    text = links._in_script("?template=</script><b>'\"\n")
    assert "<" not in text
    assert "\n" not in text
