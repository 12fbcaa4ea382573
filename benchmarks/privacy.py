"""The proof of the gate: random requests by every way that text reaches a model, to a server that records each byte.

    python -m benchmarks.privacy                     # 10,000 requests, in a network namespace of its own
    python -m benchmarks.privacy --quick --json      # some 200
    PYTHONPATH=/path/to/another/state python -P -m benchmarks.privacy …     # what that state would have sent

A throw-away workspace has documents, pools, cases, templates and files of inputs. Every text in it has a word of its
own, and so has every answer of the server. Labels are raised and lowered between the requests, by paths, patterns and
rows, and during some. Whatever the server receives is searched for those words. A byte is forbidden where the word's
text is labelled above the model's clearance at that moment; an answer is as private as all that was asked for it, then
and now.

The oracle knows nothing of promptlab: it has its own table of which rule is about which text.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import random
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LABELS = ("public", "internal", "confidential")
MODELS = {"pub": "public", "int": "internal", "conf": "confidential"}
WORD = re.compile(r"ZQ[A-Z]+\d+X")
QUICK, WHOLE = 200, 10_000


def above(label: str, other: str) -> bool:
    return LABELS.index(label) > LABELS.index(other)


@dataclass(frozen=True)
class Rule:
    """A line of `labels`, and the files it is about."""

    pattern: str
    files: tuple[str, ...]


NFD = unicodedata.normalize("NFD", "docs/Übersicht.md")
FILES = {
    "docs/a.md": "ZQDOC1X",
    "docs/plan #1.md": "ZQDOC2X",
    "docs/deep/more/b.md": "ZQDOC3X",
    "docs/hidden/c.md": "ZQDOC4X",
    "docs/Übersicht.md": "ZQDOC5X",
    "notes/n.md": "ZQNOTE1X",
    "notes/deep/m.secret.md": "ZQNOTE2X",
    "templates/doc.yaml": "ZQTPL1X",
    "templates/plan.yaml": "ZQTPL2X",
    "templates/shots.yaml": "ZQTPL3X",
    "templates/csv.yaml": "ZQTPL4X",
    "templates/plain.yaml": "ZQTPL5X",
    "templates/link.yaml": "ZQTPL6X",
    "templates/deep.yaml": "ZQTPL7X",
    "templates/part.yaml": "ZQTPL8X",
    "templates/umlaut.yaml": "ZQTPL9X",
    "fixtures/examples/p.jsonl": "ZQPOOL1X",
    "fixtures/examples/q.csv": "ZQPOOL2X",
    "fixtures/suites/c.jsonl": "ZQCASE1X",
    "fixtures/suites/k.csv": "ZQCASE2X",
    "fixtures/suites/inline.yaml": "ZQCASE3X",
}
RULES = (
    *(Rule(path, (path,)) for path in FILES if path != "docs/Übersicht.md"),
    Rule(NFD, ("docs/Übersicht.md",)),
    Rule("docs/deep/*", ("docs/deep/more/b.md",)),
    Rule("*.secret.md", ("notes/deep/m.secret.md",)),
    Rule("docs/[ap]*", ("docs/a.md", "docs/plan #1.md")),
    Rule("Fixtures/Examples/**", ("fixtures/examples/p.jsonl", "fixtures/examples/q.csv")),
)
CONTEXTS = {
    "doc": '["docs/a.md"]',
    "plan": '["docs/plan #1.md"]',
    "link": '["docs/link.md"]',
    "deep": '["docs/deep/more/b.md"]',
    "part": "[{path: docs/a.md, passages: {by: range, lines: [1, 1]}}]",
    "umlaut": '["docs/Übersicht.md"]',
}
POOLS = {"shots": "fixtures/examples/p.jsonl", "csv": "fixtures/examples/q.csv"}
SUITES = {
    "docs": ("doc", "{file: fixtures/suites/c.jsonl}"),
    "plans": ("plan", "{file: fixtures/suites/k.csv}"),
    "shot": ("shots", "{file: fixtures/suites/c.jsonl}"),
    "csvs": ("csv", "{file: fixtures/suites/k.csv}"),
    "inline": ("plain", "{id: one, inputs: {question: Who ZQCASE3X?}, expected: ZQ}"),
    "parts": ("part", "{file: fixtures/suites/c.jsonl}"),
}


@dataclass
class World:
    """The workspace, and what the oracle knows of it."""

    root: Path
    url: str
    chance: random.Random
    rules: dict[Rule, str] = field(default_factory=dict)
    rows: dict[str, str] = field(default_factory=dict)
    """Labels that rows give themselves: by word."""
    made_of: dict[str, tuple[tuple[str, ...], str]] = field(default_factory=dict)
    """For each answer the words that were asked, and their highest label then."""
    way: str = ""
    hook: Callable[[], None] | None = None
    sent: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    """What went wrong for another reason; a way that fails proves nothing."""
    broken: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    answers: int = 0
    edits: int = 0

    # The oracle

    def label(self, word: str) -> str:
        """What a word's text is labelled now."""
        if word in self.made_of:
            words, then = self.made_of[word]
            return max([then, *map(self.label, words)], key=LABELS.index)
        if word.startswith("ZQIMP"):
            return "confidential"
        files = [path for path, its in FILES.items() if its == word]
        found = [label for rule, label in self.rules.items() if set(files) & set(rule.files)]
        return max(["public", self.rows.get(word, "public"), *found], key=LABELS.index)

    def look(self, text: str, clearance: str, what: str) -> None:
        """Note every word of a text that whoever has `clearance` may not see."""
        for word in dict.fromkeys(WORD.findall(text)):
            label = self.label(word)
            if above(label, clearance):
                self.broken[what] += 1
                self.first.setdefault(what, f"{word} ({label}) went to who may see {clearance}")

    def receive(self, body: bytes) -> tuple[int, str]:
        """What arrived at the server: status and answer."""
        with self.lock:
            data = json.loads(body)
            text = json.dumps(data["messages"], ensure_ascii=False)
            self.sent[self.way] += 1
            self.look(text, MODELS[data["model"]], self.way)
            if self.hook:
                hook, self.hook = self.hook, None
                hook()
                if self.way.startswith("retry"):
                    return 503, ""
            self.answers += 1
            answer = f"ZQANS{self.answers}X"
            words = tuple(dict.fromkeys(WORD.findall(text)))
            self.made_of[answer] = (words, max(["public", *map(self.label, words)], key=LABELS.index))
            judge = "response_format" in data
            return 200, json.dumps({"reason": answer, "pass": True}) if judge else answer

    # The workspace

    def write(self, path: str, text: str) -> None:
        full = self.root / path
        full.parent.mkdir(parents=True, exist_ok=True)
        half = full.with_name(f".{full.name}.half")
        half.write_text(text, encoding="utf-8")
        half.replace(full)

    def catalogue(self) -> None:
        """promptlab.yaml with the labels as they are."""
        lines = ["models:"]
        for name, clearance in MODELS.items():
            more = 'window: 8192, max_parallel: 1, tokenizer: o200k, api_key_env: "ZQ_API_KEY"'
            lines.append(
                f'  {name}: {{backend: openai, model: {name}, base_url: "{self.url}", clearance: {clearance}, {more}}}'
            )
        lines.append("labels:" if self.rules else "labels: {}")
        lines += [f"  {json.dumps(rule.pattern)}: {label}" for rule, label in self.rules.items()]
        self.write("promptlab.yaml", "\n".join(lines) + "\n")

    def template(self, name: str) -> None:
        """A template with its word; each time it is written it is another text."""
        self.edits += 1
        word = FILES[f"templates/{name}.yaml"]
        more = f"context: {CONTEXTS[name]}\n" if name in CONTEXTS else ""
        more += f"examples: {{pool: {POOLS[name]}, k: 2}}\n" if name in POOLS else ""
        self.write(
            f"templates/{name}.yaml",
            f"inputs:\n  question: {{type: string, sample: Who?}}\ninstructions: Answer {word}, edit {self.edits}.\n"
            f"{more}params: {{temperature: 0, max_tokens: {16 + self.edits % 7}}}\n",
        )

    def pool(self, path: str, word: str) -> None:
        label = self.rows.get(word, "public")
        if path.endswith(".csv"):
            rows = "".join(f"e{n},Which {word} {n},Yes {word},{label}\n" for n in range(3))
            self.write(path, f"id,question,output,label\n{rows}")
            return
        rows = ""
        for n in range(3):
            own = {} if label == "public" else {"label": label}
            row = {"id": f"e{n}", "inputs": {"question": f"Which {word} {n}"}, "output": f"Yes {word}", **own}
            rows += json.dumps(row) + "\n"
        self.write(path, rows)

    def cases(self, path: str, word: str) -> None:
        label = self.rows.get(word, "public")
        if path.endswith(".csv"):
            rows = "".join(f"k{n},Why {word} {n},ZQ,{label}\n" for n in range(2))
            self.write(path, f"id,question,expected,label\n{rows}")
            return
        rows = ""
        for n in range(2):
            row = {"id": f"c{n}", "inputs": {"question": f"Where {word} {n}"}, "expected": "ZQ", "label": label}
            rows += json.dumps(row) + "\n"
        self.write(path, rows)

    def row_files(self) -> None:
        for path in ("fixtures/examples/p.jsonl", "fixtures/examples/q.csv"):
            self.pool(path, FILES[path])
        for path in ("fixtures/suites/c.jsonl", "fixtures/suites/k.csv"):
            self.cases(path, FILES[path])

    def build(self) -> None:
        for path, word in FILES.items():
            if path.startswith(("docs/", "notes/")):
                self.write(path, f"{word} is here\n")
        (self.root / "docs/link.md").symlink_to("hidden/c.md")
        (self.root / "chain0").symlink_to("notes/n.md")
        for n in range(1, 40):
            (self.root / f"chain{n}").symlink_to(f"chain{n - 1}")
        self.row_files()
        for path in FILES:
            if path.startswith("templates/"):
                self.template(Path(path).stem)
        for name, (template, case) in SUITES.items():
            judge = "\n  - judge: {model: int, question: Is it right?}" if name in ("docs", "inline") else ""
            text = (
                f"template: {template}\nmodels: [pub, int, conf]\nscorers:\n  - contains{judge}\ncases:\n  - {case}\n"
            )
            self.write(f"fixtures/suites/{name}.yaml", text)
        self.catalogue()

    # What is done

    def turn(self) -> None:
        """Raise or lower something."""
        for _ in range(self.chance.randint(1, 3)):
            if self.chance.random() < 0.2:
                word = self.chance.choice(["ZQPOOL1X", "ZQPOOL2X", "ZQCASE1X", "ZQCASE2X"])
                self.rows[word] = self.chance.choice(LABELS)
                self.row_files()
            else:
                self.set(self.chance.choice(RULES), self.chance.choice((*LABELS, "")))
        if self.chance.random() < 0.15:
            self.rules.clear()
            self.rows.clear()
            self.row_files()
        self.catalogue()

    def set(self, rule: Rule, label: str) -> None:
        self.rules.pop(rule, None)
        if label:
            self.rules[rule] = label

    def raise_files(self, *paths: str) -> None:
        for rule in RULES:
            if rule.pattern in paths:
                self.set(rule, "confidential")
        self.catalogue()

    def run(self, way: str, *words: str, clearance: str = "public", reads: bool = False) -> str:
        """A command line; what it printed. `reads`: what is printed is for whoever has `clearance`."""
        from click.testing import CliRunner

        from promptlab.cli._main import cli
        from promptlab.errors import GateRefused, PromptlabError

        self.way = way
        result = CliRunner().invoke(cli, list(words), catch_exceptions=True)
        said = result.output
        if isinstance(result.exception, PromptlabError):  # `main` would have said it
            said += f"{type(result.exception).__name__}: {result.exception}"
            if not isinstance(result.exception, GateRefused):
                self.failed[f"{way}: {said[-160:]}"] += 1
        elif result.exception is not None and not isinstance(result.exception, SystemExit):
            raise RuntimeError(f"{' '.join(words)}: {result.exception!r}") from result.exception
        if "not sent to" in said or "GateRefused" in said:
            self.refused[way] += 1
        if reads:
            with self.lock:
                self.look(result.stdout, clearance, f"{way} (text written)")
        return said

    def step(self) -> None:
        """One thing that a person may do."""
        if self.chance.random() < 0.5:
            self.turn()
        ways: dict[Callable[[], None], int] = {
            self.compare: 30,
            self.compare_file: 14,
            self.cached: 8,
            self.record: 6,
            self.rerun_stored: 8,
            self.rerun_current: 4,
            self.causes: 4,
            self.accept: 2,
            self.retry: 5,
            self.during: 4,
            self.example: 6,
            self.case: 3,
            self.reopened: 5,
            self.imported: 2,
            self.export: 6,
            self.report: 3,
        }
        self.chance.choices(list(ways), list(ways.values()))[0]()

    def some_template(self) -> str:
        return self.chance.choice([Path(path).stem for path in FILES if path.startswith("templates/")])

    def some_model(self) -> str:
        return self.chance.choice(list(MODELS))

    def compare(self) -> None:
        models = self.chance.sample(list(MODELS), self.chance.randint(1, 3))
        named = [word for model in models for word in ("-m", model)]
        self.run("compare", "compare", self.some_template(), *named, "--set", "question=Who is it?", "--fresh")

    def compare_file(self) -> None:
        root = os.path.realpath(self.root)
        spelled = {
            "notes/n.md": [
                "notes/n.md",
                "./notes/../notes/n.md",
                f"/{root}/notes/n.md",
                "chain39",
                f"{root}/notes/n.md",
            ],
            "notes/deep/m.secret.md": ["notes/deep/m.secret.md", f"/{root}/notes/deep/m.secret.md"],
        }
        path = self.chance.choice([one for several in spelled.values() for one in several])
        given = ("-m", self.some_model(), "--set-file", f"question={path}")
        self.run("compare, a file", "compare", "plain", *given, *self.chance.choice(([], ["--fresh"])))

    def cached(self) -> None:
        template, model = self.some_template(), self.some_model()
        for _ in range(2):
            self.run("cache", "compare", template, "-m", model, "--set", f"question=Twice {self.chance.randint(0, 3)}?")
            self.turn()

    def some_suite(self) -> str:
        return self.chance.choice(list(SUITES))

    def record(self, name: str = "") -> str:
        name = name or self.some_suite()
        self.run("suite record", "suite", "record", name, "--fresh")
        return name

    def ready(self) -> str:
        """A suite that has a recording: made while everything is public."""
        name = self.some_suite()
        if not (self.root / f"fixtures/recordings/{name}.jsonl").is_file() or self.chance.random() < 0.5:
            kept = dict(self.rules), dict(self.rows)
            self.rules.clear()
            self.rows.clear()
            self.row_files()
            self.catalogue()
            with contextlib.suppress(FileNotFoundError):
                (self.root / f"fixtures/recordings/{name}.jsonl").unlink()
            self.record(name)
            self.rules, self.rows = kept
            self.row_files()
            self.catalogue()
            self.turn()
        return name

    def rerun_stored(self) -> None:
        name = self.ready()
        self.run("rerun, stored prompts", *self.again(name, "stored"))

    def again(self, name: str, prompts: str) -> tuple[str, ...]:
        return ("suite", "rerun", name, "--fresh", "--prompts", prompts)

    def rerun_current(self) -> None:
        name = self.ready()
        self.run("rerun, current prompts", *self.again(name, "current"))

    def causes(self) -> None:
        name = self.ready()
        self.template(SUITES[name][0])  # its text and a parameter
        self.run("cause finding", *self.again(name, "current"), "--find-causes", "40")

    def accept(self) -> None:
        name = self.ready()
        self.run("rerun, current prompts", *self.again(name, "current"))
        self.run("accept", "suite", "accept", name, "--yes", reads=True)

    def report(self) -> None:
        """A report of what is recorded, for whoever may see what is public."""
        name = self.ready()
        files = [self.root / f"report.{kind}" for kind in ("xml", "json", "md", "html")]
        options = [word for kind, file in zip(KINDS, files, strict=True) for word in (f"--{kind}", str(file))]
        self.run("replay and report", "suite", "replay", name, *options, reads=True)
        self.way = "replay and report"
        with self.lock:
            for file in files:
                if file.is_file():
                    self.look(file.read_text("utf-8"), "public", "replay and report (file written)")

    def retry(self) -> None:
        """A label that is raised between a try and the next."""
        self.set(next(rule for rule in RULES if rule.pattern == "notes/n.md"), "")
        self.catalogue()
        self.hook = lambda: self.raise_files("notes/n.md")
        self.run("retry", "compare", "plain", "-m", "pub", "--set-file", "question=notes/n.md", "--fresh")
        self.hook = None

    def during(self) -> None:
        """A label that is raised while a suite is asked."""
        self.rules.clear()
        self.rows.clear()
        self.row_files()
        self.catalogue()
        name, path = self.chance.choice([("shot", "fixtures/suites/c.jsonl"), ("csvs", "fixtures/examples/q.csv")])
        prompts = self.chance.choice(["current", "stored"])
        if prompts == "stored":
            self.record(name)
        self.hook = lambda: self.raise_files(path)
        self.run("raised during a run", *self.again(name, prompts), "-m", "pub")
        self.hook = None

    def last_run(self) -> tuple[str, Any] | None:
        """The newest run with a whole answer."""
        from promptlab.runs._store import Store

        store = Store(self.root / ".promptlab/runs.sqlite")
        try:
            for run in store.runs(limit=12):
                found = store.results(run.id)
                if run.title.startswith("compare") and found and all(one.ok and one.text for one in found):
                    return run.id, found[0]
        finally:
            store.close()
        return None

    def asked(self) -> tuple[str, Any] | None:
        """A run of a template with what it was asked, some of it of a file."""
        words = ["--set-file", "question=notes/n.md"] if self.chance.random() < 0.5 else ["--set", "question=Copy it?"]
        template = self.chance.choice(["doc", "plan", "plain", "shots"])
        self.run("compare", "compare", template, "-m", self.some_model(), *words, "--fresh", "--expect", "ZQ")
        return self.last_run()

    def example(self) -> None:
        """An answer becomes an example, a label is raised, and the example is a shot."""
        found = self.asked()
        if found is None:
            return
        run, result = found
        pool = "fixtures/examples/copies.jsonl"
        with contextlib.suppress(FileNotFoundError):
            (self.root / pool).unlink()
        said = self.run(
            "example of an answer", "examples", "add", pool, "--result", f"{run}:1", "--output", result.text
        )
        if not (self.root / pool).is_file():
            raise RuntimeError(f"no example was made: {said}")
        self.turn()
        self.write(
            "templates/copies.yaml",
            "inputs:\n  question: {type: string, sample: Who?}\ninstructions: Answer.\n"
            f"examples: {{pool: {pool}, k: 1}}\nparams: {{temperature: 0, max_tokens: 16}}\n",
        )
        given = ("-m", self.some_model(), "--set", "question=Another?", "--fresh")
        self.run("example of an answer", "compare", "copies", *given)
        (self.root / "templates/copies.yaml").unlink()

    def case(self) -> None:
        """An answer becomes a case, a label is raised, and the suite is asked."""
        found = self.asked()
        if found is None:
            return
        for file in (
            *(self.root / "fixtures/suites").glob("kept*"),
            *(self.root / "fixtures/recordings").glob("kept*"),
        ):
            file.unlink()
        self.run("case of an answer", "suite", "import-run", found[0], "--suite", "kept")
        if not (self.root / "fixtures/suites/kept.yaml").is_file():
            return  # the recording is labelled lower than the answer
        self.turn()
        prompts = self.chance.choice(["stored", "current"])
        self.run("case of an answer", *self.again("kept", prompts), "-m", self.some_model())
        file = self.root / "report.json"
        self.run("case of an answer", "suite", "replay", "kept", "--json", str(file), reads=True)
        with self.lock:
            if file.is_file():
                self.look(file.read_text("utf-8"), "public", "case of an answer (file written)")

    def reopened(self) -> None:
        """A run is opened in the workbench, a label is raised, and the draft is asked as the page does it."""
        from promptlab.models._catalogue import Catalogue
        from promptlab.ui.state.open_template import open_template
        from promptlab.ui.state.session import close_session, open_session
        from promptlab.ui.workbench import reopen
        from promptlab.ui.workbench import request as bench
        from promptlab.workspace._workspace import Workspace

        self.run("compare", "compare", "plain", "-m", "conf", "--set-file", "question=notes/n.md", "--fresh")
        found = self.last_run()
        if found is None:
            return
        for again in range(2):
            workspace = Workspace.load(self.root)
            session = open_session(workspace, Catalogue(workspace))
            try:
                run = session.store.run(found[0])
                path = run.template
                if not again:
                    opened = open_template(session, path)
                    reopen._replace(session, run, opened, reopen.again(opened, run, found[1]))
                    self.turn()  # what is kept is the draft; the browser is closed and opened again
                    continue
                model = self.some_model()
                session.drafts.change(path, models=(model,), fresh=True)
                now = bench.read(session, open_template(session, path))
                self.way = "reopened draft"
                results = session.jobs.start(path, now.trials(), fresh=True)
                results.wait(30)
                self.refused[self.way] += sum(
                    1 for one in results.snapshots() if one.result and one.result.error_kind == "GateRefused"
                )
                session.drafts.reset(path)
            finally:
                close_session(session)

    def imported(self) -> None:
        self.edits += 1
        word = f"ZQIMP{self.edits}X"
        file = self.root.parent / f"foreign{self.edits}.yaml"
        file.write_text(
            f"prompts: ['Say {word} of {{{{topic}}}}']\nproviders: [openai:gpt-4o]\n"
            f"tests: [{{vars: {{topic: {word}}}}}]\n"
        )
        said = json.loads(self.run("import", "import", "promptfoo", str(file), "--json").splitlines()[0])
        path = next(one["path"] for one in said["written"] if one["path"].startswith("templates/"))
        self.run("import", "compare", path, "-m", self.some_model(), "--set", "topic=it", "--fresh")
        shutil.rmtree(self.root / "templates/imported", ignore_errors=True)

    def export(self) -> None:
        model, template = self.some_model(), self.some_template()
        if self.chance.random() < 0.4 and (found := self.asked()):
            self.turn()
            clearance = self.chance.choice(LABELS)
            format_ = "openai-finetune"
            words = ("export", format_, "plain", "--run", found[0], "--clearance", clearance, "--min-score", "0")
            self.run("export of a run", *words, clearance=clearance, reads=True)
            return
        format_ = self.chance.choice(["openai", "curl", "openai-batch"])
        self.run("export", "export", format_, template, "-m", model, clearance=MODELS[model], reads=True)


KINDS = ("junit", "json", "markdown", "html")


# The server and its network


@contextlib.contextmanager
def serve(world: World) -> Iterator[str]:
    """A recording server for `world` on loopback; its address."""
    from tests.loopback import LoopbackServer, Received, status, stream

    def reply(request: Received) -> Any:
        if request.method != "POST":
            return status(404)
        code, answer = world.receive(request.body)
        return stream(answer) if code == 200 else status(code, retry_after_ms="1")

    with LoopbackServer(reply, models=tuple(MODELS)) as server:
        yield server.url


def alone() -> bool:
    """Whether this process has a network namespace of its own: no interface but loopback. That is brought up."""
    if [name for _, name in socket.if_nameindex() if name != "lo"]:
        return False
    with socket.socket() as one:
        fcntl.ioctl(one, 0x8914, struct.pack("16sH14x", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS, IFF_UP and IFF_RUNNING
    return True


def can_unshare() -> bool:
    try:
        return subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def prove(requests: int, seed: int, *, quiet: bool = True) -> dict[str, Any]:
    """Do things until the server has had `requests` requests or as many were refused; what came out."""
    folder = Path(tempfile.mkdtemp(prefix="privacy-"))
    root = folder / "work"
    root.mkdir()
    os.environ["ZQ_API_KEY"] = "sk-loopback"
    world = World(root, "", random.Random(seed))
    here = Path.cwd()
    steps = 0
    try:
        with serve(world) as world.url:
            world.build()
            os.chdir(root)
            while sum(world.sent.values()) + sum(world.refused.values()) < requests:
                world.step()
                steps += 1
                if not quiet and steps % 100 == 0:
                    print(steps, sum(world.sent.values()), dict(world.broken), file=sys.stderr)
    finally:
        os.chdir(here)
        shutil.rmtree(folder, ignore_errors=True)
    return {
        "requests": sum(world.sent.values()),
        "sent": dict(sorted(world.sent.items())),
        "refused": dict(sorted(world.refused.items())),
        "forbidden": dict(sorted(world.broken.items())),
        "first": world.first,
        "failed": dict(world.failed.most_common(20)),
        "steps": steps,
        "seed": seed,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    own = "PRIVACY_ALONE" in os.environ and alone()
    if not own and "PRIVACY_ALONE" not in os.environ and can_unshare():
        words = [sys.executable, *(["-P"] if sys.flags.safe_path else []), "-m", "benchmarks.privacy", *sys.argv[1:]]
        return subprocess.run(
            ["unshare", "-rn", *words], env={**os.environ, "PRIVACY_ALONE": "1"}, check=False
        ).returncode
    found = prove(given.requests or (QUICK if given.quick else WHOLE), given.seed, quiet=given.json)
    found["own network"] = own
    if given.json:
        print(json.dumps(found))
    else:
        print(f"{found['requests']:,} requests in {found['steps']:,} steps, seed {given.seed}, own network: {own}")
        for way in sorted({*found["sent"], *found["refused"], *found["forbidden"]}):
            sent, refused, bad = (found[what].get(way, 0) for what in ("sent", "refused", "forbidden"))
            print(f"{way:40} sent {sent:6,}  refused {refused:6,}  FORBIDDEN {bad}")
        for way, what in found["first"].items():
            print(f"  {way}: {what}")
        for what, count in found["failed"].items():
            print(f"  failed {count} times: {what}")
    return 1 if found["forbidden"] else 0


if __name__ == "__main__":
    sys.exit(main())
