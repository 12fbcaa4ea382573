"""The shelf: the templates, documents and pools of examples as files that are renamed, copied, deleted and found.

plan = plan_rename(workspace, "document", "documents/plan.md", "plan-2026")       # what will change
rename_file(workspace, plan, store=store)                                         # all or nothing
copy_file(workspace, "pool", "examples/cup.jsonl").new                            # "examples/cup-2.jsonl"
deleted = delete_file(workspace, "template", "templates/old.yaml")
restore_file(workspace, deleted.id)
search_workspace(workspace, "world cup", store=store).hits                        # everything with these words
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab._lazy import lazy

if TYPE_CHECKING:
    from promptlab.shelf._copy import Copied, copy_file, free_name
    from promptlab.shelf._delete import Deleted, delete_file, deleted_files, restore_file, users_of
    from promptlab.shelf._drafts import draft_file
    from promptlab.shelf._kinds import Kind
    from promptlab.shelf._references import TextEdit
    from promptlab.shelf._rename import RenamedFile, RenamePlan, finish_renames, plan_rename, rename_file
    from promptlab.shelf._search import Hit, Hits, search_workspace

__all__ = [
    "Copied",
    "Deleted",
    "Hit",
    "Hits",
    "Kind",
    "RenamePlan",
    "RenamedFile",
    "TextEdit",
    "copy_file",
    "delete_file",
    "deleted_files",
    "draft_file",
    "finish_renames",
    "free_name",
    "plan_rename",
    "rename_file",
    "restore_file",
    "search_workspace",
    "users_of",
]

if not TYPE_CHECKING:  # a type checker must see which names there are
    __getattr__ = lazy(__name__)
