"""Which files a pattern of `labels` is about: every name that a file has, and what a pattern means.

A label is about a file, however it is named: by a detour, through links, with a slash too many, in another case or in
another form of Unicode. In doubt the stricter reading counts. A pattern raises the label of everything that it would
ignore in a .gitignore; it lowers one (that of an upload) only for what it names exactly.
"""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

MAX_LINKS = 256
"""Links followed on the way to a file. Linux follows 40; where more are met, nobody can say where they lead."""


class Unresolved(Exception):
    """Nobody can say which file a path names: links that go on and on, a folder that may not be read."""


def every_name(path: Path) -> Iterator[Path]:
    """Every name of the file `path` on the way to it: without detours, and after each link that is followed.

    Raises `Unresolved` after the last that could be found.
    """
    for _ in range(MAX_LINKS):
        path = _one_slash(path.absolute())
        yield Path(os.path.normpath(path))
        here, rest = Path(path.anchor), list(path.parts[1:])
        while rest:
            part = rest.pop(0)
            # `..` leaves the folder a link led to, not the one the link is in; `here` holds no link.
            here = here.parent if part == ".." else here / part
            if (target := _link(here)) is not None:
                path = here.parent / target / Path(*rest)
                break
        else:
            yield here
            return
    raise Unresolved(f"more than {MAX_LINKS} links")


def _one_slash(path: Path) -> Path:
    """POSIX leaves the meaning of two leading slashes to each system; all that we run on take them for one."""
    return Path("/" + str(path).lstrip("/")) if os.name == "posix" and str(path).startswith("//") else path


def _link(path: Path) -> str | None:
    """Where the link `path` leads to; None for what is no link, or is not there."""
    try:
        return os.readlink(path) if stat.S_ISLNK(os.lstat(path).st_mode) else None  # noqa: PTH115  # as it stands there
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as exc:
        raise Unresolved(str(exc)) from exc


def fold_name(name: str) -> str:
    """A name in one case and one form of Unicode, as disks compare names that take both for the same."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


@lru_cache(maxsize=4096)
def exact_pattern(pattern: str) -> re.Pattern[str]:
    """What `pattern` names to the letter, which is what it may lower: `**` crosses folders, `*` and `?` do not. One
    without either names a file of the workspace, or a folder and all in it."""
    if pattern.endswith("/") or not set("*?") & set(pattern):
        return re.compile(re.escape(pattern.rstrip("/")) + "(?:/.*)?", re.DOTALL)
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    known = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(known.get(part, re.escape(part)) for part in parts), re.DOTALL)


@lru_cache(maxsize=4096)
def gitignore_pattern(pattern: str) -> re.Pattern[str]:
    """What `pattern` raises, in names that are `folded`: what .gitignore matches, and what it names to the letter."""
    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern  # late: most workspaces have few patterns or none

    regex, _ = GitIgnoreSpecPattern.pattern_to_regex(fold_name(pattern))
    own = exact_pattern(fold_name(pattern)).pattern
    # A pattern that matches a folder matches what is in it; pathspec leaves the rest of the name to who asks.
    return re.compile(own if regex is None else f"(?:{own})|(?:(?:{regex}).*)", re.DOTALL)


def pattern_problem(pattern: str) -> str:
    """What is wrong with a pattern that does not mean what people believe; "" for one that is well."""
    parts = pattern.removesuffix("/").split("/")
    if pattern.startswith("!"):
        return f"the pattern `{pattern}` takes nothing back here: the strictest pattern counts, so leave it out"
    if pattern.startswith("#"):
        return f"the pattern `{pattern}` begins with `#`: write `?{pattern[1:]}`, which matches such a name"
    if re.search(r"\{[^{}/]*,[^{}]*\}", pattern):
        return f"the pattern `{pattern}` has `{{a,b}}`, which is no pattern here: write one line for each of them"
    if pattern.strip() != pattern:
        return f"the pattern `{pattern}` begins or ends with a space"
    if pattern.startswith(("/", "~")) or "\\" in pattern or {"", ".", ".."} & set(parts):
        return (
            f"the pattern `{pattern}` matches no file: write paths as the workspace does, relative and with forward "
            "slashes, such as `fixtures/private/**`"
        )
    if "[" in pattern and _closed(pattern) is False:
        return f"the pattern `{pattern}` has a `[` that nothing closes: write `?` in its place"
    return ""


def _closed(pattern: str) -> bool:
    return all("]" in rest[1:] for rest in pattern.split("[")[1:])


__all__ = ["Unresolved", "every_name", "exact_pattern", "fold_name", "gitignore_pattern", "pattern_problem"]
