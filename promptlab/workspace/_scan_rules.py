r"""Six rules of CredSweeper 1.19.5 (`credsweeper/rules/config.yaml`), copied unchanged: kinds of keys that
detect-secrets does not find. CredSweeper itself is not a dependency, because it would install onnxruntime, pandas and
twenty other packages.

Copyright (c) 2021 SAMSUNG

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""

from __future__ import annotations

_START = (
    r"(?:^|/|[^\\0-9A-Za-z+_-]|\\[0abfnrtv]|(?:%|\\x)[0-9A-Fa-f]{2}|\\[0-7]{3}|\\[Uu][0-9A-Fa-f]{4}"
    r"|\x1B\[[0-9;]{0,80}m)"
)

PATTERNS: tuple[tuple[str, str], ...] = (
    ("Anthropic API Key", r"(?P<value>sk-ant-(api|admin)0[1-4]-[0-9A-Za-z_-]{64,128})(?![0-9A-Za-z_-])"),
    ("GitHub Token", r"(?P<value>github_pat_[0-9A-Za-z_]{80,255})"),
    ("Google API Key", _START + r"(?P<value>AIza[0-9A-Za-z_-]{35})"),
    ("Hugging Face Token", _START + r"(?P<value>hf_[0-9A-Za-z_-]{34})(?![0-9A-Za-z_-])"),
    ("NPM tokens", _START + r"(?P<value>npm_[0-9A-Za-z_-]{36,255})"),
    (
        "OpenAI Token",
        r"(?P<value>sk-[0-9A-Za-z_-]{16,160}(T3BlbkFJ|9wZW5BS|PcGVuQU)[0-9A-Za-z_-]{16,160})",
    ),
)
"""Kind and pattern; the group `value` is the key."""

__all__ = ["PATTERNS"]
