"""The scan before an API sees text: what is found is refused, masked or warned of, and is in no message of ours."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from promptlab.errors import GateRefused, PromptlabError, WorkspaceError
from promptlab.models._backend import Step
from promptlab.models._catalogue import Catalogue
from promptlab.models._openai._scan import Unmask, checked
from promptlab.types import Completion, Delta, Message, Params, Prompt, Request, Span, Thought
from promptlab.workspace import _ledger_read as ledger_read
from promptlab.workspace import _scan as scan
from promptlab.workspace import _scan_search
from promptlab.workspace._workspace import ScanPolicy, Workspace
from tests.loopback import LoopbackServer, delta, events, status, stream

GITHUB = "ghp_" + "aB3dE6gH9" * 4
AWS = "AKIA" + "QWERTY2345UIOPZX"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----"
OWN = "our-own-key-without-a-shape"
MAIL, PHONE, CARD, IBAN = (
    "kim.lee@example.org",
    "+44 20 7946 0958",
    "4111 1111 1111 1111",
    "DE89 3704 0044 0532 0130 00",
)

# Kind, text, group: each is looked for in every part of a prompt.
SECRETS: tuple[tuple[str, str, scan.FindingGroup], ...] = (
    ("GitHub Token", GITHUB, "keys"),
    ("AWS Access Key", AWS, "keys"),
    ("Private Key", PEM, "keys"),
    ("OpenAI Token", "sk-" + "a1B2" * 5 + "T3BlbkFJ" + "c3D4" * 5, "keys"),
    ("Slack Token", "xoxb-123456789012-123456789012-abcdefGHIJKL", "keys"),
    ("Stripe Access Key", "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc", "keys"),
    ("Anthropic API Key", "sk-ant-api03-" + "aB3-eF6_h9" * 9 + "abcAA", "keys"),
    ("OpenAI Token", "sk-proj-" + "aB3-eF6_h9" * 7 + "T3BlbkFJ" + "aB3-eF6_h9" * 7, "keys"),
    ("Google API Key", "AIza" + "aB3-eF6" * 5, "keys"),
    ("Hugging Face Token", "hf_" + "aB3eF6h9" * 4 + "Zz", "keys"),
    ("Basic Auth Credentials", "://root:hunter22@", "keys"),
    ("key of this workspace", OWN, "keys"),
    ("mail address", MAIL, "personal"),
    ("phone number", PHONE, "personal"),
    ("payment card", CARD, "personal"),
    ("IBAN", IBAN, "personal"),
    ("US social security number", "536-90-4399", "personal"),
    ("Spanish DNI", "12345678Z", "personal"),
    ("IP address", "8.8.4.4", "personal"),
)
PARTS = ("instructions", "output_format", "context", "examples", "input", "layout")


def prompt(secret: str, part: str = "context", source: str = "docs/a.md") -> Prompt:
    """A prompt whose part `part` holds `secret` in its second line."""
    before, text, after = "Look at this. ", f"A line.\nHere: {secret} and more", " What is it?"
    spans = (
        Span(0, 0, len(before), "instructions"),
        Span(0, len(before), len(before + text), part, source),  # type: ignore[arg-type]
        Span(0, len(before + text), len(before + text + after), "input", "question"),
    )
    return Prompt((Message("user", before + text + after),), spans)


def request(secret: str, part: str = "context") -> Request:
    return Request("api", prompt(secret, part))


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(("kind", "secret", "group"), SECRETS)
def test_every_kind_in_every_part_is_refused_and_named_and_never_shown(
    kind: str, secret: str, group: scan.FindingGroup, part: str
) -> None:
    rule = ScanPolicy(**{"keys": "off", "personal": "off", group: "refuse"})
    with pytest.raises(GateRefused) as caught:
        checked(request(secret, part), rule, (OWN,))
    words = str(caught.value)
    assert kind in words
    assert f"{part.replace('_', ' ')} `docs/a.md`, line 2" in words
    assert not any(piece in words for piece in secret.split() if len(piece) > 3)
    assert secret not in words


@pytest.mark.parametrize(("kind", "secret", "group"), SECRETS)
def test_every_kind_can_be_masked_and_undone_and_warned_of_and_left_alone(
    kind: str, secret: str, group: scan.FindingGroup
) -> None:
    asked = request(secret)
    off: dict[str, Any] = {"keys": "off", "personal": "off"}
    masked = checked(asked, ScanPolicy(**{**off, group: "mask"}), (OWN,))
    sent = masked.request.messages[0].content
    assert secret not in sent
    assert all(line not in sent for line in secret.splitlines() if len(line) > 3)
    assert Unmask(masked.masks).whole(sent) == asked.messages[0].content
    # Spans still cover everything once, and the same parts.
    spans = masked.request.prompt.spans
    assert "".join(text for _, text in masked.request.prompt.texts()) == sent
    assert [s.section for s in spans] == [s.section for s in asked.prompt.spans]
    warned = checked(asked, ScanPolicy(**{**off, group: "warn"}), (OWN,))
    assert warned.request is asked
    assert kind in warned.warnings[0]
    assert secret not in "".join(warned.warnings)
    assert checked(asked, ScanPolicy(**off), (OWN,)) == replace(warned, warnings=())


def test_unless_said_otherwise_keys_are_refused_and_the_rest_is_warned_of() -> None:
    assert (ScanPolicy().keys, ScanPolicy().personal) == ("refuse", "warn")
    with pytest.raises(GateRefused):
        checked(request(GITHUB), ScanPolicy())
    assert checked(request(MAIL), ScanPolicy()).warnings


@pytest.mark.parametrize("at", range(1, 40, 3))
def test_a_key_that_stands_across_two_parts_is_found(at: int) -> None:
    before = "It is "
    text = f"{before}{GITHUB} indeed"
    cut = len(before) + at
    spans = (Span(0, 0, cut, "instructions"), Span(0, cut, len(text), "input", "question"))
    asked = Request("api", Prompt((Message("user", text),), spans))
    with pytest.raises(GateRefused):
        checked(asked, ScanPolicy())
    masked = checked(asked, ScanPolicy(keys="mask"))
    assert masked.request.messages[0].content == "It is [GITHUB_TOKEN_1] indeed"
    assert "".join(t for _, t in masked.request.prompt.texts()) == masked.request.messages[0].content


@pytest.mark.parametrize("where", ["schema", "stop", "name", "without spans", "system message"])
def test_it_is_found_wherever_the_request_holds_it(where: str) -> None:
    plain = Prompt((Message("user", "Hello"),))
    asked = {
        "schema": Request("api", plain, schema=f'{{"type": "string", "enum": ["{GITHUB}"]}}'),
        "stop": Request("api", plain, Params(stop=("\n", GITHUB))),
        "name": Request("api", Prompt((Message("user", "Hello", GITHUB),))),
        "without spans": Request("api", Prompt((Message("user", f"It is {GITHUB}"),))),
        "system message": Request("api", Prompt((Message("system", GITHUB), Message("user", "Hi")))),
    }[where]
    with pytest.raises(GateRefused) as caught:
        checked(asked, ScanPolicy())
    assert GITHUB not in str(caught.value)
    if where in ("schema", "stop", "name"):  # where a mask would change what is asked for
        with pytest.raises(GateRefused, match="masked"):
            checked(asked, ScanPolicy(keys="mask"))
    else:
        assert "[GITHUB_TOKEN_1]" in "".join(
            m.content for m in checked(asked, ScanPolicy(keys="mask")).request.messages
        )


def test_one_text_has_one_mask_and_a_mask_is_never_one_that_the_prompt_holds() -> None:
    text = f"{MAIL}, {MAIL} and other@example.org; not [MAIL_ADDRESS_1]"
    found = checked(Request("api", Prompt((Message("user", text),))), ScanPolicy(personal="mask"))
    assert found.request.messages[0].content == (
        "[MAIL_ADDRESS_2], [MAIL_ADDRESS_2] and [MAIL_ADDRESS_3]; not [MAIL_ADDRESS_1]"
    )
    assert found.masks == {"[MAIL_ADDRESS_2]": MAIL, "[MAIL_ADDRESS_3]": "other@example.org"}


@pytest.mark.parametrize("size", [1, 2, 3, 5, 50])
def test_masks_are_undone_however_the_answer_is_cut(size: int) -> None:
    masks = {"[PHONE_NUMBER_1]": PHONE, "[PHONE_NUMBER_12]": "+1", "[IBAN_1]": IBAN}
    text = "[PHONE_NUMBER_1][[IBAN_1] [PHONE_NUMBER_12] [PHONE_NUMBER_ [IBAN_1]] [["
    undo = Unmask(masks)
    heard = "".join(undo.feed(text[n : n + size]) for n in range(0, len(text), size)) + undo.rest()
    assert heard == f"{PHONE}[{IBAN} +1 [PHONE_NUMBER_ {IBAN}] [["


# The whole way, over HTTP

MODELS = """\
models:
  api: {{backend: openai, model: loop-1, base_url: "{url}", api_key_env: OUR_API_KEY, max_retries: 1{more}}}
  other: {{backend: openai, model: loop-1, base_url: "{url}", api_key_env: OTHER_API_KEY}}
scan: {scan}
"""
ENV = {"OUR_API_KEY": "the-key-of-this-model", "OTHER_API_KEY": OWN}


def ask(
    make_workspace: Callable[..., Workspace], server: LoopbackServer, asked: Request, rule: str, more: str = ""
) -> tuple[list[Step], Workspace]:
    here = make_workspace(MODELS.format(url=server.url, scan=rule, more=more))
    catalogue = Catalogue(here, ENV)
    steps: list[Step] = []
    try:
        steps.extend(catalogue.backend("api").complete(asked, threading.Event()))
    finally:
        catalogue.close()
    return steps, here


@pytest.mark.parametrize("secret", [GITHUB, OWN, ENV["OUR_API_KEY"]])
def test_a_refused_request_leaves_no_byte_and_no_line(make_workspace: Callable[..., Workspace], secret: str) -> None:
    with LoopbackServer() as server:
        with pytest.raises(GateRefused) as caught:
            ask(make_workspace, server, request(secret), "{}")
        assert secret not in repr(caught.value.args)
        assert server.opened == 0


def test_masked_text_leaves_and_comes_back_as_it_was(make_workspace: Callable[..., Workspace]) -> None:
    with LoopbackServer() as server:
        server.plan(status(503), stream(("Call [PHO", "NE_NUMBER", "_1], or [", "MAIL_ADDRESS_1", "]")))
        asked = request(f"{PHONE}, {MAIL}")
        steps, here = ask(make_workspace, server, asked, "{personal: mask}")
        assert PHONE.encode() not in server.received
        assert MAIL.encode() not in server.received
        assert server.count == 2  # the retry has the masks as well
        last = steps[-1]
        assert isinstance(last, Completion)
        assert last.text == f"Call {PHONE}, or {MAIL}"
        assert "".join(s.text for s in steps if isinstance(s, Delta)) == last.text
        lines = ledger_read.newest_ledger_entries(here.state)
        assert [(line["masked"], line["attempt"]) for line in lines] == [(2, 2), (2, 1)]
        assert [line["bytes"] for line in lines] == [len(r.body) for r in server.requests]


def test_thinking_is_undone_and_so_is_what_had_arrived_of_an_answer_that_broke_off(
    make_workspace: Callable[..., Workspace],
) -> None:
    thought = delta("")
    thought["choices"][0]["delta"] = {"reasoning_content": "It is [MAIL_ADDRESS_1]"}
    with LoopbackServer() as server:
        server.plan(events(thought, delta("Yes [MAIL"), delta("_ADDRESS_1]"), delta(finish="stop"), "[DONE]"))
        steps, here = ask(make_workspace, server, request(MAIL), "{personal: mask}")
        last = steps[-1]
        assert isinstance(last, Completion)
        assert (last.thinking, last.text) == (f"It is {MAIL}", f"Yes {MAIL}")
        assert "".join(s.text for s in steps if isinstance(s, Thought)) == last.thinking
        error = {"error": {"message": "broken", "type": "server_error", "code": 500}}
        server.plan(events(delta("No [MAIL_ADDRESS_1] [MAIL"), error))
        catalogue = Catalogue(here, ENV)
        arrived: list[Step] = []
        with pytest.raises(PromptlabError):
            arrived.extend(catalogue.backend("api").complete(request(MAIL), threading.Event()))
        catalogue.close()
        assert "".join(s.text for s in arrived if isinstance(s, Delta)) == f"No {MAIL} [MAIL"


def test_what_is_sent_all_the_same_is_said_with_the_answer(make_workspace: Callable[..., Workspace]) -> None:
    with LoopbackServer() as server:
        steps, _ = ask(make_workspace, server, request(MAIL), "{}")
        last = steps[-1]
        assert isinstance(last, Completion)
        assert any("mail address" in words and "docs/a.md" in words for words in last.details["warnings"])
        assert MAIL not in str(last.details)
        assert MAIL.encode() in server.received


def test_a_models_entry_and_an_edit_of_promptlab_yaml_count(make_workspace: Callable[..., Workspace]) -> None:
    with LoopbackServer() as server:
        ask(make_workspace, server, request(GITHUB), "{keys: refuse}", ", scan: {keys: off}")
        assert GITHUB.encode() in server.received
        here = make_workspace(MODELS.format(url=server.url, scan="{keys: off}", more=""))
        catalogue = Catalogue(here, ENV)
        list(catalogue.backend("api").complete(request(GITHUB), threading.Event()))
        (here.root / "promptlab.yaml").write_text(MODELS.format(url=server.url, scan="{keys: refuse}", more=""))
        catalogue.use_workspace(Workspace.load(here.root))
        with pytest.raises(GateRefused):
            list(catalogue.backend("api").complete(request(GITHUB), threading.Event()))
        catalogue.close()
        assert server.count == 2


def test_masked_and_unmasked_answers_never_stand_for_each_other(make_workspace: Callable[..., Workspace]) -> None:
    prints = set()
    for rule in ("{}", "{personal: mask}", "{keys: mask}", "{personal: mask, regions: [US]}", "{keys: off}"):
        catalogue = Catalogue(make_workspace(MODELS.format(url="http://127.0.0.1:9/v1", scan=rule, more="")), ENV)
        prints.add(catalogue.backend("api").fingerprint)
        catalogue.close()
    assert len(prints) == 4  # refused, warned of and off send the same text


def test_the_preview_shows_the_masks(make_workspace: Callable[..., Workspace]) -> None:
    rule = "{keys: refuse, personal: mask}"
    catalogue = Catalogue(make_workspace(MODELS.format(url="http://127.0.0.1:9/v1", scan=rule, more="")), ENV)
    sent = catalogue.backend("api").as_sent(request(MAIL))
    catalogue.close()
    assert MAIL not in str(sent.body)
    assert MAIL not in "".join(piece.text for piece in sent.pieces)


@pytest.mark.parametrize("library", sorted({*scan.LIBRARIES["keys"], *scan.LIBRARIES["personal"]}))
def test_without_its_library_no_scan_is_claimed(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = scan.find_spec
    monkeypatch.setattr(scan, "_INSTALLED", set())
    monkeypatch.setattr(scan, "find_spec", lambda name: None if name == library else real(name))
    clean = request(f"nothing {library}")
    for group in ("keys", "personal"):
        needs = library in scan.LIBRARIES[group]  # type: ignore[index]
        off: Mapping[str, Any] = {"keys": "off", "personal": "off"}
        for rule in ("refuse", "mask"):
            if needs:
                with pytest.raises(GateRefused) as caught:
                    checked(clean, ScanPolicy(**{**off, group: rule}))
                assert library in str(caught.value)
            else:
                assert checked(clean, ScanPolicy(**{**off, group: rule})).warnings == ()
        warned = checked(clean, ScanPolicy(**{**off, group: "warn"})).warnings
        assert [library in words for words in warned] == ([True] if needs else [])


@pytest.mark.parametrize("bad", ["sk-" * 30_000, "eyJ" * 60_000])
def test_a_search_that_takes_too_long_is_no_scan(bad: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_scan_search, "SECONDS", 0.001)  # these two take seconds, however quick the machine
    asked = Request("api", Prompt((Message("user", bad),)))
    with pytest.raises(GateRefused, match="took longer"):
        checked(asked, ScanPolicy(personal="off"))
    (words,) = checked(asked, ScanPolicy(keys="warn", personal="off")).warnings
    assert "took longer" in words


@pytest.mark.parametrize("bad", ["sk-" * 30_000, "://:" * 20_000, "AA11 " * 20_000, "4111" * 20_000, "a@" * 40_000])
@pytest.mark.timeout(60)
def test_a_text_made_to_be_slow_ends(bad: str) -> None:
    for group in ("keys", "personal"):
        with contextlib.suppress(scan.NotScanned):
            assert scan.scan_text(bad, group, ("US",)) is not None  # type: ignore[arg-type]


def test_long_texts_are_searched_to_their_end() -> None:
    text = "word " * 9_000
    for at in (0, 19_990, 20_000, 36_000, 44_999):
        (one,) = scan.scan_text(f"{text[:at]} {GITHUB} {text[at:]}", "keys")
        assert one.kind == "GitHub Token"
        (two,) = scan.scan_text(f"{text[:at]} {IBAN}, {text[at:]}", "personal")
        assert two.kind == "IBAN"


def test_the_plugins_are_those_for_keys_and_none_that_guesses() -> None:
    kinds = scan.kinds_of_keys()
    assert len(kinds) >= 20
    assert not any("Entropy" in kind or "Keyword" in kind or "IP" in kind for kind in kinds)


@pytest.mark.parametrize(
    ("rule", "word"), [("{keys: maybe}", "keys"), ("{secrets: off}", "secrets"), ("{regions: [usa]}", "usa")]
)
def test_a_rule_that_is_none_is_refused(make_workspace: Callable[..., Workspace], rule: str, word: str) -> None:
    with pytest.raises(WorkspaceError, match=word):
        make_workspace(f"models: {{}}\nscan: {rule}\n")
    assert make_workspace("models: {}\nscan: {keys: off, personal: no}\n".replace("no", "off")).scan.keys == "off"
