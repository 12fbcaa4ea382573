"""versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab._lazy import lazy

if TYPE_CHECKING:
    from promptlab.versions._branches import (
        Variant,
        bring_back,
        drop_variant,
        merge_variant,
        save_variant,
        set_aside,
        variant_text,
        variants,
    )
    from promptlab.versions._history import Version, find, history, text_of
    from promptlab.versions._merge import Change, Kind, three_way, words
    from promptlab.versions._prompt_diff import prompt_difference, prompts_of_texts, template_at
    from promptlab.versions._save import (
        State,
        conflict,
        init,
        introduce,
        locate,
        on_disk,
        restore,
        save,
        save_over,
        state,
        tag,
        untag,
        write,
    )
    from promptlab.versions._status import Standing, standing

__all__ = [
    "Change",
    "Kind",
    "Standing",
    "State",
    "Variant",
    "Version",
    "bring_back",
    "conflict",
    "drop_variant",
    "find",
    "history",
    "init",
    "introduce",
    "locate",
    "merge_variant",
    "on_disk",
    "prompt_difference",
    "prompts_of_texts",
    "restore",
    "save",
    "save_over",
    "save_variant",
    "set_aside",
    "standing",
    "state",
    "tag",
    "template_at",
    "text_of",
    "three_way",
    "untag",
    "variant_text",
    "variants",
    "words",
    "write",
]

__getattr__ = lazy(__name__)
