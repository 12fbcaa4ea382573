"""Chat templates beside llama.cpp's own: every template in llama.cpp's folder, rendered by promptlab and by llama.cpp.

    python -m benchmarks.chat_templates /tmp/llama.cpp            # a checkout, or vendor/llama.cpp of the sdist
    pip download --no-deps --no-binary llama-cpp-python llama-cpp-python==0.3.36   # has it inside

llama.cpp's Jinja engine (common/jinja) is compiled as it is into a small program in a folder for a while (a quarter of
a minute, needs g++), which gets what llama.cpp gives a template: the messages, the special tokens, `enable_thinking`,
the day. Nothing of llama.cpp is copied into this repository. Each template is tried with each conversation below:

    equal         both wrote the same text
    refused       promptlab says by name why it will not render these messages; llama.cpp renders something
    both refuse   neither renders them
    different     both rendered, and not the same: a fault
    only here     promptlab renders what llama.cpp refuses
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from promptlab.errors import PromptlabError
from promptlab.models._llama._chat_template import ChatTemplate
from promptlab.types import Message

Conversation = tuple[Message, ...]


def said(*turns: tuple[str, str]) -> Conversation:
    """A conversation of (role, content)."""
    return tuple(Message(role, content) for role, content in turns)  # type: ignore[arg-type]  # the three roles


CONVERSATIONS: Mapping[str, Conversation] = {
    "user": said(("user", "Hello, how are you?")),
    "system and user": said(("system", "Be brief."), ("user", "Hello, how are you?")),
    "turns": said(
        *(("system", "Be brief."), ("user", "One?"), ("assistant", "Uno."), ("user", "Two?")),
        *(("assistant", "Dos."), ("user", "Three?")),
    ),
    "ends with an answer": said(("user", "One?"), ("assistant", "Uno.")),
    "begins with an answer": said(("assistant", "Hi"), ("user", "a")),
    "two of the user": said(("user", "a"), ("user", "b")),
    "empty system": said(("system", ""), ("user", "a")),
    "white space": said(("system", " Be brief.\n"), ("user", "\n  Hello?  \n")),
    "lines": said(("user", "a\n\nb\n- c"), ("assistant", "x\ny"), ("user", "z")),
    "web": said(("user", """a <b>"x"&amp; it's</b> {"k": 1}""")),
    "other alphabets": said(("user", "Größe 日本 🎉 end")),
    "thinking": said(("user", "a"), ("assistant", "<think>\nhm\n</think>\n\nUno"), ("user", "b")),
    "tags": said(("user", "{{ x }} {% if %} <|im_end|> [INST]")),
}

ORACLE = r"""
#include <cstdlib>
#include <iostream>
#include <string>
#include "json.h"
#include "jinja/runtime.h"
#include "jinja/parser.h"
#include "jinja/lexer.h"
#include "jinja/caps.h"
extern "C" void ggml_abort(const char *, int, const char *, ...) { std::abort(); }
int main() {
    std::string line;
    while (std::getline(std::cin, line)) {
        common_json job = common_json::parse(line), out;
        try {
            jinja::lexer lexer;
            auto tokens = lexer.tokenize(job["template"].get<std::string>());
            jinja::program program = jinja::parse_from_tokens(tokens);
            auto caps = jinja::caps_get(program);
            out["in_parts"] = caps.supports_typed_content && !caps.supports_string_content;
            jinja::context context(tokens.source);
            context.current_time = 1721995200;  // 26 July 2024, noon, UTC
            common_json input = job["input"];
            jinja::global_from_json(context, input, false);
            jinja::runtime runtime(context);
            out["text"] = jinja::runtime::gather_string_parts(runtime.execute(program))->as_string().str();
        } catch (const std::exception & e) {
            out["error"] = std::string(e.what());
        }
        std::cout << out.dump() << std::endl;
    }
}
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one template and conversation; `why` is promptlab's refusal, `ours` and `theirs` the texts."""

    template: str
    conversation: str
    kind: str
    why: str = ""
    ours: str | None = None
    theirs: str | None = None


def built(llama: Path, folder: Path) -> Path:
    """llama.cpp's Jinja engine as a program in `folder`."""
    source, program, common = folder / "oracle.cpp", folder / "oracle", llama / "common"
    source.write_text(ORACLE, "utf-8")
    files = [*sorted((common / "jinja").glob("*.cpp")), common / "json.cpp", common / "unicode.cpp"]
    include = [f"-I{llama / one}" for one in ("common", "include", "ggml/include", "vendor")]
    command = ["g++", "-std=c++17", "-O0", *include, str(source), *map(str, files), "-o", str(program)]
    subprocess.run(command, check=True)
    return program


def asked(program: Path, jobs: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    """llama.cpp's answers to `jobs`, in order."""
    lines = "".join(json.dumps(job) + "\n" for job in jobs)
    env = {**os.environ, "TZ": "UTC"}
    done = subprocess.run([program], input=lines, text=True, capture_output=True, check=True, env=env)
    return [json.loads(line) for line in done.stdout.splitlines()]


def job_of(source: str, conversation: Conversation, *, in_parts: bool = False) -> dict[str, object]:
    """A template and what llama.cpp gives it (common/chat.cpp)."""

    def content(text: str) -> object:
        return [{"type": "text", "text": text}] if in_parts else text

    return {
        "template": source,
        "input": {
            "messages": [{"role": m.role, "content": content(m.content)} for m in conversation],
            "bos_token": "<s>",
            "eos_token": "</s>",
            "enable_thinking": True,
            "add_generation_prompt": True,
            "datetime": "Jul 26 2024",
            "date_string": "26 Jul 2024",
        },
    }


def compare(llama: Path, program: Path) -> Iterator[Outcome]:
    """Every template with every conversation."""
    sources = {path.name: path.read_text("utf-8") for path in sorted((llama / "models/templates").glob("*.jinja"))}
    cases = [(name, title) for name in sources for title in CONVERSATIONS]
    found = asked(program, [job_of(sources[name], CONVERSATIONS[title]) for name, title in cases])
    parts = [case for case, one in zip(cases, found, strict=True) if one.get("in_parts")]
    jobs = [job_of(sources[name], CONVERSATIONS[title], in_parts=True) for name, title in parts]
    again = dict(zip(parts, asked(program, jobs), strict=True))
    for (name, title), one in zip(cases, found, strict=True):
        theirs = again.get((name, title), one).get("text")
        yield outcome(name, sources[name], title, str(theirs) if theirs is not None else None)


def outcome(name: str, source: str, title: str, theirs: str | None) -> Outcome:
    """How promptlab's rendering stands to llama.cpp's, which is None where it refuses."""
    template = ChatTemplate(source, origin="from llama.cpp's folder", model=name, bos="<s>", eos="</s>")
    try:
        ours = "".join(fragment.text for fragment in template.lay_out(CONVERSATIONS[title]))
    except PromptlabError as exc:
        return Outcome(name, title, "both refuse" if theirs is None else "refused", exc.message, None, theirs)
    kind = "only here" if theirs is None else "equal" if ours == theirs else "different"
    return Outcome(name, title, kind, "", ours, theirs)


def main() -> int:
    """Print what is not equal, and the counts; the status is 1 where anything differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("llama", type=Path, help="a checkout of llama.cpp")
    llama = parser.parse_args().llama
    with tempfile.TemporaryDirectory() as folder:
        found = list(compare(llama, built(llama, Path(folder))))
    for one in found:
        if one.kind != "equal":
            print(f"{one.kind:<12} {one.template}, {one.conversation}: {one.why}")
        if one.kind == "different":
            pairs = enumerate(zip(one.ours or "", one.theirs or "", strict=False))
            at = next((n for n, (a, b) in pairs if a != b), 0)
            print(f"    here      {(one.ours or '')[max(0, at - 40) : at + 80]!r}")
            print(f"    llama.cpp {(one.theirs or '')[max(0, at - 40) : at + 80]!r}")
    counts = Counter(one.kind for one in found)
    print(f"{len({one.template for one in found})} templates, {len(CONVERSATIONS)} conversations: {dict(counts)}")
    return 1 if counts["different"] or counts["only here"] else 0


if __name__ == "__main__":
    sys.exit(main())
