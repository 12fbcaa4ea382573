"""Text areas that send their text during typing.

Streamlit sends the text of a text area only when it loses focus or on Ctrl+Enter; `live=True` exists for one-line
fields only. So a script in the page tells the text area after a pause in typing that it lost the focus, which it did
not. (Ctrl+Enter would do, too, but it is the shortcut of Run.)
"""

from __future__ import annotations

import streamlit as st

PAUSE = 120
"""Milliseconds without a key press after which the text is sent."""
SCRIPT = """<script>
(() => {
  if (window.promptlabLive) return;
  window.promptlabLive = true;
  const waiting = new WeakMap();
  document.addEventListener("input", (event) => {
    const area = event.target;
    if (!(area instanceof HTMLTextAreaElement) || event.isComposing) return;
    if (!area.closest(".st-key-form, .st-key-bench") || area.closest("[class*='st-key-text-file-']")) return;
    clearTimeout(waiting.get(area));
    waiting.set(area, setTimeout(() => {
      if (area.isConnected) area.dispatchEvent(new FocusEvent("focusout", { bubbles: true }));
    }, PAUSE));
  }, true);
})();
</script>""".replace("PAUSE", str(PAUSE))


def enable() -> None:
    """Make the text areas inside the containers `form` and `bench` live.

    The text area of the whole file is left out, because a half-typed line makes the YAML invalid.
    """
    st.html(SCRIPT, unsafe_allow_javascript=True)
