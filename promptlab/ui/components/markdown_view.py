"""Markdown of a model as HTML that loads nothing and leads nowhere.

Streamlit's own Markdown fetches pictures, makes links and has directives for icons, colours and formulas. Here a
picture and a link are their text with their address, HTML is text, and only headings, lists, tables, quotes, emphasis
and code are drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from promptlab.ui.components.widgets import escape, literal

LONGEST = 200_000
"""Characters. A longer text is shown as text."""


def markdown_html(text: str) -> str:
    """`text` as HTML without links, pictures, scripts, styles or any address that a browser would fetch."""
    return f'<div class="pl-markdown">{_parser().render(text)}</div>'


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}, renderer_cls=_PlainRenderer)
    return parser.enable(["table", "strikethrough"])


class _PlainRenderer(RendererHTML):
    """Writes tags without attributes, and every text through `literal`, so that no character is hidden."""

    def text(self, tokens: Sequence[Token], idx: int, *_: Any) -> str:
        return literal(tokens[idx].content)

    def code_inline(self, tokens: Sequence[Token], idx: int, *_: Any) -> str:
        return f"<code>{literal(tokens[idx].content)}</code>"

    def code_block(self, tokens: Sequence[Token], idx: int, *_: Any) -> str:
        return f'<pre class="pl-prompt" tabindex="0">{literal(tokens[idx].content)}</pre>'

    def fence(self, tokens: Sequence[Token], idx: int, *_: Any) -> str:
        return f'<pre class="pl-prompt" tabindex="0">{literal(tokens[idx].content)}</pre>'

    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        token = tokens[idx]
        inside = self.renderInlineAsText(token.children, options, env) if token.children else ""
        words = f"picture: {inside}" if inside else "picture"
        return f"[{literal(words)}]{_address(str(token.attrGet('src') or ''))}"

    def link_open(self, *_: Any) -> str:
        return '<span class="pl-link">'

    def link_close(self, tokens: Sequence[Token], idx: int, *_: Any) -> str:
        opened = _opening(tokens, idx)
        address = str(tokens[opened].attrGet("href") or "")
        words = "".join(token.content for token in tokens[opened + 1 : idx])
        return f"</span>{'' if tokens[idx].info == 'auto' and words in address else _address(address)}"

    def renderToken(self, tokens: Sequence[Token], idx: int, *_: Any) -> str:  # its name in the library
        """A tag without attributes, but for the first number of a list and the side of a table's cell."""
        token = tokens[idx]
        if token.hidden:
            return ""
        if token.nesting == -1:
            return f"</{token.tag}>"
        start = token.attrGet("start")
        number = f' start="{int(start)}"' if token.tag == "ol" and start is not None else ""
        return f"<{token.tag}{number}>"


def _opening(tokens: Sequence[Token], close: int) -> int:
    """The index of the token that opens the link which the token `close` closes."""
    level = tokens[close].level
    return next(n for n in range(close - 1, -1, -1) if tokens[n].type == "link_open" and tokens[n].level == level)


def _address(address: str) -> str:
    return f' <span class="pl-muted pl-break">({escape(address)})</span>' if address else ""
