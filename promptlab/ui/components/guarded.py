"""Errors of a page, shown on the page.

A `PromptlabError` is shown with its hint. Any other exception is a bug in promptlab: the page says so, the traceback
goes to the log, and the server keeps running.
"""

from __future__ import annotations

import functools
import logging
import uuid
from collections.abc import Callable
from typing import ParamSpec

from promptlab.errors import PromptlabError
from promptlab.ui.components.widgets import note

log = logging.getLogger(__name__)
P = ParamSpec("P")


def guarded(draw: Callable[P, None]) -> Callable[P, None]:
    """`draw`, with its errors shown on the page. Fragments need this too: Streamlit reruns them without the page."""

    @functools.wraps(draw)
    def guarded_draw(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            draw(*args, **kwargs)
        except PromptlabError as exc:
            note("bad", str(exc.args[0]), exc.hint)
        except Exception:  # Streamlit's own signals to stop and rerun are BaseExceptions and get through
            reference = uuid.uuid4().hex[:6]
            log.exception("a page failed, reference %s", reference)
            note(
                "bad",
                "Something went wrong",
                f"This is a bug in promptlab. Details are in the log under reference {reference}.",
            )

    return guarded_draw
