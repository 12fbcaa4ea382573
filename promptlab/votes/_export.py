"""Votes as rows: who preferred which answer to which question, a JSON line for each vote."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from promptlab.errors import InputError
from promptlab.runs import Vote, label_of_result
from promptlab.types import Label, highest
from promptlab.votes._answers import Sources
from promptlab.votes._ballot import Ballot


@dataclass(frozen=True)
class VoteFile:
    """The text of a file of votes, and the highest label of what is in it."""

    text: str
    label: Label


def votes_as_jsonl(sources: Sources, ballot: Ballot, votes: Iterable[Vote]) -> VoteFile:
    """A line for each vote on the pairs of `ballot`, with the names, which the voter did not see.

    Raises `InputError` if there is no vote. `promptlab export openai-preferences` writes pairs for training.
    """
    pairs = {pair.id: pair for pair in ballot.pairs}
    lines: list[str] = []
    labels: list[Label] = []
    for vote in votes:
        pair = pairs.get(vote.pair)
        if pair is None:
            continue
        answers = {answer.result.id: answer for answer in (pair.first, pair.second)}
        left, right = answers[vote.left], answers[vote.right]
        preferred = answers.get(vote.preferred)
        row = {
            "case": pair.case,
            "question": pair.question,
            "left": left.text,
            "right": right.text,
            "left_name": left.contender.name,
            "right_name": right.contender.name,
            "vote": vote.choice,
            "preferred": preferred.contender.name if preferred else None,
            "voter": vote.voter,
            "time": vote.created,
            "left_result": vote.left,
            "right_result": vote.right,
        }
        lines.append(json.dumps(row, ensure_ascii=False) + "\n")
        labels += [label_of_result(sources.workspace, answer.result) for answer in (left, right)]
    if not lines:
        raise InputError(f"nobody has voted on {ballot.title} yet", hint="`promptlab vote` asks for votes")
    return VoteFile("".join(lines), highest(labels))
