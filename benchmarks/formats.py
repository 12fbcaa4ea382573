"""How faithful imports are: files of other tools through their own reader and through ours, compared to the character.

    python -m benchmarks.formats                                   # every tool whose files are there
    python -m benchmarks.formats promptfoo --files FOLDER          # other configurations with their `rendered.json`
    python -m benchmarks.formats promptfoo --cases FOLDER --promptfoo PROGRAM     # asks promptfoo itself

For each tool: files, imported, rendered equal, named difference (the report says "not understood" for what differs),
and silent difference, of which there must be none. `TOOLS` is the table of tools: a tool lists its files, each with the
messages that the tool itself makes of it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import formats_beside as beside
from promptlab import templates
from promptlab._yaml import parse_yaml
from promptlab.errors import FormatError, PromptlabError
from promptlab.formats import Imported, ImportFolders, reader_for
from promptlab.formats._source import plain_data
from promptlab.formats.promptfoo_render import NoMessages, messages_of

SHARED = Path(__file__).resolve().parents[2] / "shared"
SHOWN = 3

Messages = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Case:
    """A file of a tool. `wanted` are the message lists that the tool makes of it; None is one that we cannot hold.

    `named` are words that the report must have about a difference that is meant.
    """

    name: str
    path: Path
    wanted: frozenset[Messages | None]
    complete: bool = True
    values: Mapping[str, Any] = field(default_factory=dict)
    named: str = ""


@dataclass
class Tally:
    """What became of the files of one tool."""

    files: int = 0
    imported: int = 0
    equal: int = 0
    named: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)

    def row(self, tool: str) -> str:
        counts = (self.files, self.imported, self.equal, len(self.named), len(self.silent))
        return f"| {tool} | " + " | ".join(map(str, counts)) + " |"


@dataclass(frozen=True)
class Tool:
    """A tool: its format here, and its files with what the tool makes of them."""

    format: str
    cases: Callable[[argparse.Namespace], Iterator[Case]]
    ours: Callable[[Imported, Case], set[Messages]]


# promptfoo


def promptfoo_cases(args: argparse.Namespace) -> Iterator[Case]:
    """Configurations with what promptfoo 0.121 made of them, and others that promptfoo is asked about now."""
    for folder in args.files or [SHARED / "corpora" / "promptfoo"]:
        for stored in sorted(Path(folder).glob("*/rendered.json")):
            data = json.loads(stored.read_text(encoding="utf-8"))
            path = stored.parent / "config" / data["config"]
            yield Case(stored.parent.name, path, wanted_of(data["rendered"]), complete=False)
    if args.promptfoo:
        for folder in args.cases or [SHARED / "cases" / "formats"]:
            for path in sorted(Path(folder).glob("*/promptfooconfig*.yaml")):
                rendered = ask_promptfoo(args.promptfoo, path)
                if rendered is not None:
                    yield Case(f"{path.parent.name}/{path.name}", path, wanted_of(rendered))


def wanted_of(rendered: list[Mapping[str, Any]]) -> frozenset[Messages | None]:
    """The messages in the rendered prompts of promptfoo."""
    wanted: set[Messages | None] = set()
    for row in rendered:
        try:
            wanted.add(tuple(messages_of(row["prompt"])))
        except NoMessages:
            wanted.add(None)
    return frozenset(wanted)


def ask_promptfoo(program: str, config: Path) -> list[Mapping[str, Any]] | None:
    """What promptfoo makes of a configuration, with its echo provider. None if it refuses the configuration."""
    with tempfile.TemporaryDirectory() as outer:
        work = Path(outer) / "work"
        shutil.copytree(config.parent, work)
        text = (work / config.name).read_text(encoding="utf-8")
        text = re.sub(r"(?ms)^providers:.*?(?=^\S|\Z)", "providers: [echo]\n", text)
        (work / config.name).write_text(text, encoding="utf-8")
        quiet = {
            f"PROMPTFOO_{name}": "1" for name in ("DISABLE_TELEMETRY", "DISABLE_UPDATE", "DISABLE_REMOTE_GENERATION")
        }
        command = [program, "eval", "-c", str(work / config.name), "--no-cache", "--no-write", "--no-table", "-j", "1"]
        out = Path(outer) / "out.json"
        subprocess.run(
            [*command, "--no-progress-bar", "-o", str(out)],
            env={**os.environ, **quiet, "PROMPTFOO_CONFIG_DIR": outer},
            capture_output=True,
            timeout=180,
            check=False,
        )
        if not out.exists():
            return None
        results = json.loads(out.read_text(encoding="utf-8"))["results"]["results"]
        return [{"prompt": row["prompt"]["raw"]} for row in results]


def promptfoo_ours(imported: Imported, _: Case) -> set[Messages]:
    """The messages of every case of the suites in every template of theirs; without a suite, of the samples."""
    parsed = {f.path: templates.parse(f.text, path=f.path) for f in imported.files if f.kind == "template"}
    asked = [pair for file in imported.files if file.path.endswith(".yaml") and file.kind == "suite"
             for pair in suite_questions(file.text, imported)]  # fmt: skip
    made: set[Messages] = set()
    for path, inputs in asked or [(path, templates.sample_inputs(template)) for path, template in parsed.items()]:
        specs = parsed[path].inputs.items()
        defaults = {name: spec.default for name, spec in specs if spec.default is not None}
        prompt = templates.render(parsed[path], {**defaults, **inputs})
        made.add(tuple((message.role, message.content) for message in prompt.messages))
    return made


def suite_questions(text: str, imported: Imported) -> list[tuple[str, Mapping[str, Any]]]:
    """The template and the inputs of each question of a suite that an import made."""
    data = plain_data(parse_yaml(text, shown="suite", error=FormatError).data, "suite")
    variants = data.get("variants") or {"": {"template": data["template"]}}
    files = {file.path: file.text for file in imported.files}
    rows: list[Mapping[str, Any]] = []
    for case in data["cases"]:
        lines = files[case["file"]].split("\n") if "file" in case else []
        rows += [json.loads(line)["inputs"] for line in lines if line] if lines else [case["inputs"]]
    return [(variant["template"], row) for variant in variants.values() for row in rows]


def one_prompt(format_: str, files: Callable[[], Iterator[beside.Beside]]) -> Tool:
    """A tool whose files make one prompt each; a flow of ChainForge makes several."""

    def cases(_: argparse.Namespace) -> Iterator[Case]:
        for file in files():
            yield Case(file.name, file.path, frozenset(file.wanted), values=file.values, named=file.named)

    def made(imported: Imported, case: Case) -> set[Messages]:
        return beside.every_case(imported) if format_ == "chainforge" else beside.ours(imported, case.values)

    return Tool(format_, cases, made)


TOOLS: dict[str, Tool] = {
    "promptfoo": Tool("promptfoo", promptfoo_cases, promptfoo_ours),
    "prompty": one_prompt("prompty", beside.prompty),
    "prompt flow": one_prompt("prompt-flow", beside.prompt_flow),
    "Langfuse": one_prompt("langfuse", beside.langfuse),
    "GitHub Models": one_prompt("github-models", beside.github_models),
    "llm": one_prompt("llm", beside.llm),
    "lm-eval": one_prompt("lm-eval", beside.lm_eval),
    "dotprompt": one_prompt("dotprompt", beside.dotprompt),
    "ChainForge": one_prompt("chainforge", beside.chainforge),
}
"""The tools, by name. A tool is added with its files and with what our import of a file renders."""


def compare(tool: Tool, case: Case, tally: Tally) -> None:
    """Import one file, render it, and count it."""
    tally.files += 1
    try:
        imported = reader_for(tool.format)(case.path, case.path.name, ImportFolders())
    except PromptlabError as exc:
        tally.named.append(f"{case.name}: {exc}")
        return
    made = tool.ours(imported, case)
    tally.imported += any(file.kind == "template" for file in imported.files)
    missing, extra = case.wanted - made, made - case.wanted if case.complete else set()
    if not missing and not extra:
        tally.equal += 1
        return
    reasons = [str(entry) for entry in imported.report.of("not understood") if is_about_text(entry.field)]
    reasons += [str(entry) for entry in imported.report.entries if case.named and case.named in entry.note]
    if reasons:
        tally.named.append(f"{case.name}: {reasons[0]}")
    else:
        tally.silent.append(f"{case.name}: {next(iter(extra or missing))!r}")


ABOUT_TEXT = ("prompt", "body", "messages", "nodes", "doc_to_text", "system", "inputs", "images", "pictures")
"""Fields of the report about the text of a prompt, in the other formats."""


def is_about_text(name: str) -> bool:
    """True if a field of the report is about the text of a prompt or the values in it, and not about assertions."""
    if ".assert" in name or ".__" in name or ".options" in name or ".metadata" in name:
        return False
    return name.startswith(("prompts", "tests", "defaultTest", "scenarios", "variable", "nunjucksFilters", *ABOUT_TEXT))


def main() -> int:
    """Compare and print; exit status 1 if there is a silent difference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tools", nargs="*", metavar="TOOL", help=f"of {', '.join(TOOLS)}; all if none is given")
    parser.add_argument("--files", action="append", metavar="FOLDER", help="folders of files with the tool's results")
    parser.add_argument(
        "--cases", action="append", metavar="FOLDER", help="folders of files that the tool is asked about"
    )
    parser.add_argument("--promptfoo", metavar="PROGRAM", help="promptfoo 0.121, such as node_modules/.bin/promptfoo")
    parser.add_argument("--quick", action="store_true", help="every eighth file")
    parser.add_argument("--json", action="store_true", dest="as_json")
    args = parser.parse_args()
    tallies: dict[str, Tally] = {}
    for name in args.tools or TOOLS:
        tallies[name] = Tally()
        for number, case in enumerate(TOOLS[name].cases(args)):
            if not args.quick or number % 8 == 0:
                compare(TOOLS[name], case, tallies[name])
    if args.as_json:
        print(json.dumps({name: vars(tally) for name, tally in tallies.items()}))
        return int(any(tally.silent for tally in tallies.values()))
    print("| tool | files | imported | equal | named difference | silent difference |\n|---|---|---|---|---|---|")
    for name, tally in tallies.items():
        print(tally.row(name))
    for name, tally in tallies.items():
        for word, lines in (("silent", tally.silent), ("named", tally.named)):
            for line in lines:
                print(f"{name}, {word}: {line[:400]}")
    return int(any(tally.silent for tally in tallies.values()))


if __name__ == "__main__":
    sys.exit(main())
