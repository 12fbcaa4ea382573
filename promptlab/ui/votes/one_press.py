"""One press is one vote: a held key, a bouncing key and the second click of a double click are not passed on.

The next pair may stand on the page before the second press comes, so only the browser, which knows when keys were
pressed, can tell. Without the script the votes are counted by pair as ever.
"""

from __future__ import annotations

import streamlit as st

_SCRIPT = """
export default function () {
  const KEYS = ["ArrowLeft", "ArrowRight", "ArrowDown", "n", "s", "u", "N", "S", "U"];
  const APART = 400;
  let last = -APART;
  const typing = (e) => e.closest && e.closest("input, textarea, select, [contenteditable=true], [role=combobox]");
  const hold = (event) => { event.preventDefault(); event.stopImmediatePropagation(); };
  const key = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !KEYS.includes(event.key) || typing(event.target)) return;
    if (event.repeat || event.timeStamp - last < APART) hold(event);
    else last = event.timeStamp;
  };
  const click = (event) => {
    const button = event.target.closest && event.target.closest("[class*=st-key-vote-] button");
    if (button && event.detail > 1) hold(event);
  };
  window.addEventListener("keydown", key, true);
  window.addEventListener("click", click, true);
  return () => {
    window.removeEventListener("keydown", key, true);
    window.removeEventListener("click", click, true);
  };
}
"""


def draw() -> None:
    """Watch the keys and clicks while this page is shown."""
    component = st.components.v2.component("promptlab_one_press", html="<span hidden></span>", js=_SCRIPT)
    component(key="one-press")


__all__ = ["draw"]
