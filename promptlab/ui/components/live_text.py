"""Text areas that send what is typed while one types.

Streamlit sends a text area's text when one leaves it or presses Ctrl+Enter; a text field can be live, a text area
cannot. So in the form, a pause in typing presses Ctrl+Enter for whoever types.
"""

from __future__ import annotations

import streamlit as st

PAUSE = 400
"""Milliseconds without a key after which the text is sent."""
_SCRIPT = """<script>
(() => {
  if (window.promptlabLive) return;
  window.promptlabLive = true;
  const waiting = new WeakMap();
  document.addEventListener("input", (event) => {
    const area = event.target;
    if (!(area instanceof HTMLTextAreaElement) || event.isComposing) return;
    if (!area.closest(".st-key-form") || area.closest("[class*='st-key-text-file-']")) return;
    clearTimeout(waiting.get(area));
    waiting.set(area, setTimeout(() => {
      if (!area.isConnected) return;
      area.dispatchEvent(new KeyboardEvent("keydown",
        { key: "Enter", code: "Enter", keyCode: 13, ctrlKey: true, bubbles: true, cancelable: true }));
    }, PAUSE));
  }, true);
})();
</script>"""


def typing() -> None:
    """Make the text areas inside the container `form` live.

    Not that of the file itself: half a line of YAML makes the whole of it unreadable.
    """
    st.html(_SCRIPT.replace("PAUSE", str(PAUSE)), unsafe_allow_javascript=True)
