"""Chat templates: what they are given, the tags of transformers, and what is refused."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks import chat_templates
from promptlab.errors import ModelNotReady, RequestRejected
from promptlab.models._llama import _chat_template as llama_template
from promptlab.models._llama._chat_template import ChatTemplate
from promptlab.types import Message

USER = (Message("user", "Who won?"),)
TURNS = (Message("user", "One?"), Message("assistant", "Uno."), Message("user", "Two?"))


def rendered(source: str, messages: Sequence[Message] = TURNS) -> str:
    template = ChatTemplate(source, origin="made", model="m", bos="<s>", eos="</s>")
    return "".join(fragment.text for fragment in template.lay_out(messages))


# {% generation %}

TAGGED = (
    "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ 'bot> ' + m.content + '\n' }}"
    "{% endgeneration %}{% else %}{{ m.role + '> ' + m.content + '\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'bot> ' }}{% endif %}"
)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (TAGGED, "user> One?\nbot> Uno.\nuser> Two?\nbot> "),
        # A tag of its own on a line leaves no line, and white space is taken off where a minus asks for it.
        (
            "{% for m in messages %}\n  {% generation %}\n{{ m.content }};\n  {% endgeneration %}\n{% endfor %}",
            "One?;\nUno.;\nTwo?;\n",
        ),
        (
            "{% for m in messages %} {%- generation -%} {{ m.content }} {%- endgeneration -%} {% endfor %}",
            "One?Uno.Two?",
        ),
        # What is set inside stays set, as in llama.cpp, which takes no notice of the tags.
        (
            "{% set n = 1 %}{% generation %}{% set n = 2 %}{% endgeneration %}{{ n }}"
            "{% for m in messages %}{{ m.content }}{% endfor %}",
            "2One?Uno.Two?",
        ),
        # One in the other, and around a loop that is left.
        (
            "{% generation %}{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}"
            "{% if loop.index == 3 %}{% break %}{% endif %}{% endfor %}{% endgeneration %}",
            "One?Uno.Two?",
        ),
    ],
)
def test_generation_tags_render_what_is_inside(source: str, text: str) -> None:
    assert rendered(source) == text


def test_content_inside_generation_tags_is_still_told_from_the_template() -> None:
    template = ChatTemplate(TAGGED, origin="made", model="m")
    found = template.lay_out([Message("user", "a"), Message("assistant", "bot> x"), Message("user", "b")])
    assert [(f.message, f.text) for f in found if f.message >= 0] == [(0, "a"), (1, "bot> x"), (2, "b")]


def test_what_transformers_writes_is_written() -> None:
    """Beside the library the tag comes from, where it is installed."""
    chat = pytest.importorskip("transformers.utils.chat_template_utils")
    messages = [{"role": m.role, "content": m.content} for m in TURNS]
    theirs, _ = chat.render_jinja_template([messages], chat_template=TAGGED, add_generation_prompt=True)
    assert rendered(TAGGED) == theirs[0]


# What a template is given


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ bos_token }}{{ messages[0].content }}{{ eos_token }}", "<s>Who won?</s>"),
        ("{{ enable_thinking }}|{{ messages[0].content }}", "True|Who won?"),
        ("{{ tools is defined }}{% for t in tools %}x{% endfor %}|{{ messages[0].content }}", "False|Who won?"),
        ("{{ date_string }}, {{ datetime }}|{{ messages[0].content }}", "26 Jul 2024, Jul 26 2024|Who won?"),
        ("{{ strftime_now('%Y-%m-%d') }}|{{ messages[0].content }}", "2024-07-26|Who won?"),
        ("{{ {'a': '<b>'} | tojson }}|{{ messages[0].content }}", '{"a": "<b>"}|Who won?'),
        ("{{ messages[0].content | tojson }}", '"Who won?"'),
        ("{{ ['ä'] | tojson(indent=1) }}|{{ messages[0].content }}", '[\n "ä"\n]|Who won?'),
    ],
)
def test_a_template_is_given_what_llama_cpp_gives_it(source: str, text: str) -> None:
    assert rendered(source, USER) == text


def test_a_template_that_reads_parts_gets_parts() -> None:
    source = (
        "{% for m in messages %}{% for part in m.content %}{% if part.type == 'text' %}{{ m.role }}: {{ part.text }}\n"
        "{% endif %}{% endfor %}{% endfor %}"
    )
    assert rendered(source) == "user: One?\nassistant: Uno.\nuser: Two?\n"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{{ messages[0].content }}", "leaves out message 2, 3"),
        ("{% for m in messages %}{{ m.content | upper }}{% endfor %}", "leaves out message 1, 2, 3"),
        ("{% for m in messages %}{{ m.content.split('?')[0] }}{% endfor %}", "rewrites the text"),
        ("{% for m in messages %}{{ m.content | replace('U', 'u') }}{% endfor %}", "rewrites the text"),
        ("{{ raise_exception('no such roles') }}", "refuses these messages: no such roles"),
        ("{{ functions[0] }}{% for m in messages %}{{ m.content }}{% endfor %}", "fails on these messages"),
    ],
)
def test_what_leaves_out_or_alters_a_message_stays_refused(source: str, words: str) -> None:
    with pytest.raises(RequestRejected, match=words):
        rendered(source)


# All of llama.cpp's own

SOURCE = os.environ.get("LLAMA_CPP_SOURCE", "")


@pytest.mark.skipif(not SOURCE or not shutil.which("g++"), reason="LLAMA_CPP_SOURCE names no checkout of llama.cpp")
def test_every_template_of_llama_cpp_renders_as_llama_cpp_renders_it(tmp_path: Path) -> None:
    program = chat_templates.built(Path(SOURCE), tmp_path)
    found = list(chat_templates.compare(Path(SOURCE), program))
    counts = Counter(one.kind for one in found)
    wrong = [(one.template, one.conversation) for one in found if one.kind in ("different", "only here")]
    assert wrong == []
    assert counts["equal"] > 0.9 * len(found)
    assert all(one.template in one.why for one in found if "refuse" in one.kind)


def test_every_refusal_of_the_comparison_is_by_name() -> None:
    found = chat_templates.outcome("x.jinja", "{{ messages[0].content }}", "turns", "text")
    assert (found.kind, "x.jinja" in found.why) == ("refused", True)
    assert chat_templates.outcome("x.jinja", "{{ messages[0].content }}", "user", "other").kind == "different"
    assert chat_templates.outcome("x.jinja", "{{ messages[0].content }}", "user", None).kind == "only here"


# Templates come with models from anywhere

ALL = "{% for m in messages %}{{ m.content }}{% endfor %}"
ENDLESS = {
    "loops": "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "a macro": "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
    "a product": "{{ 'a' * 10 ** 10 }}",
    "a power": "{{ (9 ** 99999999) % 7 }}",
    "doubling": "{% set n = namespace(t='aaaaaaaa') %}{% for i in range(60) %}{% set n.t = n.t ~ n.t %}{% endfor %}",
    "a width": "{{ '%9999999999d' % 1 }}",
    "padding": "{{ 'a' | center(9999999999) }}",
    "a list": "{{ (range(99999) | list * 99999) | length }}",
    "output": "{% for i in range(9999) %}{{ 'abcdefgh' * 9999 }}{% endfor %}",
    "itself": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
}


@pytest.mark.parametrize("name", ENDLESS)
@pytest.mark.parametrize("order", ["before", "after", "when asked for its lead"])
def test_what_has_no_end_is_stopped_in_words(name: str, order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llama_template, "SECONDS", 0.3)
    source = ENDLESS[name] + ALL if order == "before" else ALL + ENDLESS[name]
    if order.startswith("when"):
        assert ChatTemplate(source, origin="made", model="m").lead == ""
        return
    with pytest.raises(RequestRejected, match=r"chat template of m \(made\)"):
        rendered(source, USER)
    assert rendered(ALL, USER) == "Who won?"


@pytest.mark.parametrize("source", ["{% for %}", "{{ a", "{% nothing %}", "{% for i in a %}" * 200])
def test_what_is_no_jinja_is_said(source: str) -> None:
    with pytest.raises(ModelNotReady, match="not valid Jinja"):
        rendered(source)


@pytest.mark.parametrize(
    "source",
    [
        "{{ messages.append(1) }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ raise_exception.__globals__.json }}",
        "{% include '/etc/passwd' %}",
    ],
)
def test_a_template_reaches_nothing_of_python(source: str) -> None:
    with pytest.raises(RequestRejected):
        rendered(source + ALL)
