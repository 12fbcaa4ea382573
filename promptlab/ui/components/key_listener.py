"""Keys that Streamlit does not offer: `?` for the list of keys, arrows and Enter in the search.

A small script hears them, puts the cursor into the search when it opens, and presses buttons that are there anyway:
without it everything can still be reached.
"""

from __future__ import annotations

import streamlit as st

_SCRIPT = """
export default function () {
  const typing = (e) => e.closest && e.closest("input, textarea, select, [contenteditable=true], [role=combobox]");
  const hear = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const box = document.querySelector(".st-key-search-box");
    if (event.key === "?" && !typing(event.target) && !document.querySelector("[role=dialog]")) {
      const button = document.querySelector(".st-key-keys button");
      if (button) { event.preventDefault(); button.click(); }
    } else if (box && box.contains(event.target)) {
      const hits = [...box.querySelectorAll("[class*=st-key-hit-open-] button")];
      const at = hits.indexOf(event.target.closest("button"));
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step && hits.length) {
        event.preventDefault();
        const to = at + step;
        (to < 0 ? box.querySelector("input") : hits[Math.min(to, hits.length - 1)]).focus();
      } else if (event.key === "Enter" && at < 0 && hits.length) {
        hits[0].click();
      }
    }
  };
  let seen = null;
  const watch = new MutationObserver(() => {
    const field = document.querySelector(".st-key-search-box input");
    if (field && field !== seen) field.focus();
    seen = field;
  });
  watch.observe(document.body, { childList: true, subtree: true });
  document.addEventListener("keydown", hear, true);
  return () => { watch.disconnect(); document.removeEventListener("keydown", hear, true); };
}
"""


def draw() -> None:
    """Hear the keys while this page is shown."""
    component = st.components.v2.component("promptlab_keys", html="<span hidden></span>", js=_SCRIPT)
    component(key="key-listener")


__all__ = ["draw"]
