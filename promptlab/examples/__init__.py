"""Examples: pools of worked examples, and the choice of shots from a pool.

pool = load_pool(workspace, "fixtures/examples/world-cup.jsonl")
choice = ShotChoice("fixtures/examples/world-cup.jsonl", k=2, select="similar")
choose_shots(pool, choice, {"question": "Who won the final?"})            # two examples, never the question itself
select_shots(pool, choice, {"question": "Who won the final?"}).shots      # the same, each with its reason

example = Example("host", {"question": "Who was the host?"}, "Qatar")
add_example(workspace, "fixtures/examples/world-cup.jsonl", example)      # every other line stays as it is
find_duplicates(pool)                                                     # groups with the same inputs
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab._lazy import lazy

if TYPE_CHECKING:
    from promptlab.examples._choice import Order, Select, ShotChoice
    from promptlab.examples._edit import (
        add_example,
        add_or_replace_example,
        delete_examples,
        edit_example,
        example_id,
        find_same_question,
        new_pool_path,
        remove_duplicates,
    )
    from promptlab.examples._pool import (
        choose_shots,
        find_duplicates,
        has_contradiction,
        load_pool,
        pool_paths,
        read_pool,
        repeated_examples,
        search_pool,
        select_shots,
    )
    from promptlab.examples._select import ShotSelection, facts_of_pool

__all__ = [
    "Order",
    "Select",
    "ShotChoice",
    "ShotSelection",
    "add_example",
    "add_or_replace_example",
    "choose_shots",
    "delete_examples",
    "edit_example",
    "example_id",
    "facts_of_pool",
    "find_duplicates",
    "find_same_question",
    "has_contradiction",
    "load_pool",
    "new_pool_path",
    "pool_paths",
    "read_pool",
    "remove_duplicates",
    "repeated_examples",
    "search_pool",
    "select_shots",
]

if not TYPE_CHECKING:  # a type checker must see which names there are
    __getattr__ = lazy(__name__)
