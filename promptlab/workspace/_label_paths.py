"""Which files a pattern of `labels` matches: every name that a file has, and what a pattern means.

A label belongs to a file, whichever path leads to it: with `..`, through links, with double slashes, in another case or
in another Unicode form. If a path can be read in two ways, the stricter label applies. A pattern raises the label of
every file that it would match in a .gitignore. It lowers a label (that of an upload) only for an exact match.
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
"""Most links that are followed on the way to a file. Linux follows 40."""


class Unresolved(Exception):
    """It is unknown which file a path names: its links form a circle, or a folder on the way may not be read."""


def every_name(path: Path) -> Iterator[Path]:
    """Every name of the file `path`: the path without `..`, and the path after each link that is followed.

    Raises `Unresolved` after the last name that could be determined.
    """
    for _ in range(MAX_LINKS):
        path = _one_slash(path.absolute())
        yield Path(os.path.normpath(path))
        here, rest = Path(path.anchor), list(path.parts[1:])
        while rest:
            part = rest.pop(0)
            # `here` contains no link any more, so `..` leaves the folder that the link led to.
            here = here.parent if part == ".." else here / part
            if (target := _link(here)) is not None:
                path = here.parent / target / Path(*rest)
                break
        else:
            yield here
            return
    raise Unresolved(f"more than {MAX_LINKS} links")


def _one_slash(path: Path) -> Path:
    """Two leading slashes as one. POSIX leaves their meaning to the system; Linux and macOS treat them as one."""
    return Path("/" + str(path).lstrip("/")) if os.name == "posix" and str(path).startswith("//") else path


def _link(path: Path) -> str | None:
    """The target of the link `path`. None if it is no link or does not exist."""
    try:
        return os.readlink(path) if stat.S_ISLNK(os.lstat(path).st_mode) else None  # noqa: PTH115  # Path.readlink would change the text
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as exc:
        raise Unresolved(str(exc)) from exc


def fold_name(name: str) -> str:
    """A name in lower case and in one Unicode form, as case-insensitive disks compare names."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


@lru_cache(maxsize=4096)
def exact_pattern(pattern: str) -> re.Pattern[str]:
    """The exact meaning of `pattern`, for labels that it lowers: `**` crosses folders, `*` and `?` do not. A pattern
    without them is the path of a file, or of a folder with everything in it."""
    if pattern.endswith("/") or not set("*?") & set(pattern):
        return re.compile(re.escape(pattern.rstrip("/")) + "(?:/.*)?", re.DOTALL)
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    known = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(known.get(part, re.escape(part)) for part in parts), re.DOTALL)


@lru_cache(maxsize=4096)
def gitignore_pattern(pattern: str) -> re.Pattern[str]:
    """The wide meaning of `pattern`, for labels that it raises: as in .gitignore, or exact. Matches folded names."""
    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern  # imported late: most workspaces have no patterns

    regex, _ = GitIgnoreSpecPattern.pattern_to_regex(fold_name(pattern))
    own = exact_pattern(fold_name(pattern)).pattern
    # A pattern that matches a folder matches all that is in it. The regex of pathspec ends at the folder.
    return re.compile(own if regex is None else f"(?:{own})|(?:(?:{regex}).*)", re.DOTALL)


def pattern_problem(pattern: str) -> str:
    """Why a pattern does not do what its author probably means. "" if it is fine."""
    parts = pattern.removesuffix("/").split("/")
    if pattern.startswith("!"):
        return f"the pattern `{pattern}` cannot undo another one: the strictest pattern counts, so remove this line"
    if pattern.startswith("#"):
        return f"the pattern `{pattern}` begins with `#`: write `?{pattern[1:]}`, which matches such a name"
    if re.search(r"\{[^{}/]*,[^{}]*\}", pattern):
        return f"the pattern `{pattern}` has `{{a,b}}`, which is not supported: write one line for each"
    if pattern.strip() != pattern:
        return f"the pattern `{pattern}` begins or ends with a space"
    if pattern.startswith(("/", "~")) or "\\" in pattern or {"", ".", ".."} & set(parts):
        return (
            f"the pattern `{pattern}` matches no file: write a path relative to the workspace, with forward "
            "slashes, such as `fixtures/private/**`"
        )
    if "[" in pattern and _closed(pattern) is False:
        return f"the pattern `{pattern}` has a `[` without a `]`: write `?` instead"
    return ""


def _closed(pattern: str) -> bool:
    return all("]" in rest[1:] for rest in pattern.split("[")[1:])


__all__ = ["Unresolved", "every_name", "exact_pattern", "fold_name", "gitignore_pattern", "pattern_problem"]
