"""Versions: the history of a template in git, saving it as a commit, and variants on branches of their own.

path = template_path(workspace, "cup")                          # "templates/cup.yaml"
saved = save_template(workspace, path, text, "Ask for the name only", base=text_as_opened)
for version in template_history(workspace, path):
    version.when, version.who, version.subject, version.tags
version_text(workspace, find_version(workspace, path, "production"))

save_variant(workspace, path, "short", text, "Shorter")         # on the branch try/cup/short
word_changes("Who won?", "Who lost?")                           # the difference of two texts, word by word
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab._lazy import lazy

if TYPE_CHECKING:
    from promptlab.versions._branches import (
        Variant,
        copy_variant,
        drop_variant,
        keep_as_variant,
        list_variants,
        merge_variant,
        rename_variant,
        restore_variant,
        save_variant,
        variant_text,
    )
    from promptlab.versions._history import Version, find_version, template_history, version_text
    from promptlab.versions._merge import ChangeKind, TextChange, merge_texts, word_changes
    from promptlab.versions._moved import clean_files, commit_files, rename_variants
    from promptlab.versions._prompt_diff import prompt_difference, render_texts, template_at_version
    from promptlab.versions._save import (
        RepositoryState,
        conflict_between,
        init_repository,
        remove_tag,
        repository_state,
        restore_version,
        save_template,
        save_template_over,
        set_identity,
        tag_version,
        template_path,
        text_on_disk,
        write_template,
    )
    from promptlab.versions._status import TemplateStatus, template_status

__all__ = [
    "ChangeKind",
    "RepositoryState",
    "TemplateStatus",
    "TextChange",
    "Variant",
    "Version",
    "clean_files",
    "commit_files",
    "conflict_between",
    "copy_variant",
    "drop_variant",
    "find_version",
    "init_repository",
    "keep_as_variant",
    "list_variants",
    "merge_texts",
    "merge_variant",
    "prompt_difference",
    "remove_tag",
    "rename_variant",
    "rename_variants",
    "render_texts",
    "repository_state",
    "restore_variant",
    "restore_version",
    "save_template",
    "save_template_over",
    "save_variant",
    "set_identity",
    "tag_version",
    "template_at_version",
    "template_history",
    "template_path",
    "template_status",
    "text_on_disk",
    "variant_text",
    "version_text",
    "word_changes",
    "write_template",
]

if not TYPE_CHECKING:  # a type checker must see which names there are
    __getattr__ = lazy(__name__)
