"""The results of a ballot: a sentence, bars with intervals, the table, and how far people and judges agree."""

from __future__ import annotations

import streamlit as st

from promptlab import suites
from promptlab.errors import PromptlabError
from promptlab.stats import Interval
from promptlab.ui.components.widgets import escape, markup, note, small
from promptlab.ui.state.session import Session
from promptlab.ui.votes.address import change, sources_of
from promptlab.votes import (
    Ballot,
    VoteResults,
    WinRate,
    check_lines,
    percents,
    rate_sentence,
    results_of,
    votes_as_jsonl,
)


def draw(session: Session, ballot: Ballot) -> None:
    """Draw the results."""
    st.subheader("Results of the vote", anchor=False)
    votes = session.store.votes.of(ballot.result_ids)
    results = results_of(ballot, votes)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button("Go on voting", icon=":material/how_to_vote:", key="votes-on", on_click=change, kwargs={"view": ""})
        if results.voters:
            _download(session, ballot)
    if not results.decided:
        note("info", "Nobody has voted yet", f"{len(ballot.pairs):,} pairs wait. Names and results appear here.")
        return
    for rate in results.rates:
        markup(f'<p class="pl-vote-sentence">{escape(rate_sentence(rate))}</p>')
    markup(_picture(results))
    if results.not_ranked:
        note("info", "There is no ranking of all", results.not_ranked)
    markup(_table(results))
    for line in check_lines(results):
        small(line)


def _download(session: Session, ballot: Ballot) -> None:
    votes = session.store.votes.of(ballot.result_ids)
    try:
        file = votes_as_jsonl(sources_of(session), ballot, votes)
    except PromptlabError:
        return
    st.download_button(
        f"Export votes ({file.label})",
        data=file.text.encode("utf-8", "backslashreplace"),
        file_name="votes.jsonl",
        mime="application/jsonl",
        icon=":material/file_save:",
        type="tertiary",
        key="votes-export",
        on_click="ignore",
        help="A line of JSON for each vote, with answers and names. Pairs for training: promptlab export "
        "openai-preferences.",
    )


def _picture(results: VoteResults) -> str:
    """A bar for each contender, or for each comparison of two, with its interval, against 50 %."""
    if results.strengths:
        names = {contender.id: contender.name for contender in results.ballot.contenders}
        ranked = sorted(results.strengths.items(), key=lambda item: -item[1].rate)
        rows = "".join(_bar(names[key], strength.rate, strength.interval) for key, strength in ranked)
        title = "Expected win rate against the others (Bradley–Terry), with 95 % intervals"
    else:
        rows = "".join(_bar_of(rate) for rate in results.rates if rate.cases)
        title = "Win rate, a tie counting half, with 95 % intervals"
    return (
        f'<figure class="pl-vote-picture"><figcaption>{escape(title)}</figcaption>{rows}'
        '<div class="pl-vote-row pl-vote-ends" aria-hidden="true"><span></span><span class="pl-vote-scale">'
        "<span>0 %</span><span>50 %</span><span>100 %</span></span><span></span></div></figure>"
    )


def _bar_of(rate: WinRate) -> str:
    mirrored = Interval(1 - rate.interval.high, 1 - rate.interval.low)
    beside = f" against {rate.second.name}", f" against {rate.first.name}"
    return _bar(rate.first.name + beside[0], rate.rate, rate.interval) + _bar(
        rate.second.name + beside[1], 1 - rate.rate, mirrored
    )


def _bar(name: str, share: float, interval: Interval) -> str:
    numbers = f"{suites.percent(share)} ({percents(interval)})"
    low, high = 100 * interval.low, 100 * interval.high
    return (
        f'<div class="pl-vote-row"><span class="pl-break">{escape(name)}</span>'
        f'<span class="pl-vote-track" role="img" aria-label="{escape(f"{name}: {numbers}")}">'
        '<span class="pl-vote-half"></span>'
        f'<span class="pl-vote-range" style="left:{low:.2f}%;width:{high - low:.2f}%"></span>'
        f'<span class="pl-vote-dot" style="left:{100 * share:.2f}%"></span></span>'
        f'<span class="pl-num">{escape(numbers)}</span></div>'
    )


_HEADS = ("Compared", "Win rate of the first", "95 % interval", "p", "Cases", "Won", "Lost", "Ties", "Both bad", "Same")


def _table(results: VoteResults) -> str:
    head = "".join(f'<th scope="col"{_right(number)}>{name}</th>' for number, name in enumerate(_HEADS))
    rows = []
    for rate in results.rates:
        seen = bool(rate.cases)
        cells = (
            f"{rate.first.name} against {rate.second.name}",
            suites.percent(rate.rate) if seen else "–",
            percents(rate.interval) if seen else "–",
            f"{rate.p:.2g}" if seen else "–",
            *(f"{number:,}" for number in (rate.cases, rate.won, rate.lost, rate.ties, rate.bad, rate.same)),
        )
        columns = "".join(f"<td{_right(number)}>{escape(cell)}</td>" for number, cell in enumerate(cells))
        rows.append(f"<tr>{columns}</tr>")
    return (
        f'<div class="pl-wide" tabindex="0"><table class="pl-table pl-vote-table"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _right(number: int) -> str:
    return ' class="pl-n"' if number else ""


__all__ = ["draw"]
