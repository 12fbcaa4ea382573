"""Word to Markdown, by mammoth, after `_word_parts` has turned into text what mammoth leaves out."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any

from lxml import etree

from promptlab.documents._html import markdown
from promptlab.documents._left_out import Counts
from promptlab.documents._markdown import LABEL_END, LABEL_START
from promptlab.documents._office_package import Package, attribute
from promptlab.documents._refused import Refused
from promptlab.documents._word_numbers import Numbers
from promptlab.documents._word_parts import Story, texts
from promptlab.documents._word_styles import Styles, child, is_on, value

_STRICT = re.compile(rb"http://purl\.oclc\.org/ooxml/(\w+)/(\w+)")
_USUAL = rb"http://schemas.openxmlformats.org/\1/2006/\2"
_PAGE_NUMBER = re.compile(r"(?:page|seite|página|pagina|of|von|de|di|sur|[\d\s/|.·–-])*", re.IGNORECASE)
_UNSUPPORTED = re.compile(r"An unrecognised element was ignored: (\S+)")
_HARMLESS = re.compile(
    r"(?:\{.*\}|v:|o:|w10:|office-word:).*|w:(?:perm(?:Start|End)|\w*(?:Separator|separator)|\w*Range(?:Start|End)|pgNum|control"
    r"|background|tblPrEx|\w+Change|sdtPr|sdtEndPr|footnotePr|endnotePr|lastRenderedPageBreak|dayLong|bookmark\w*)"
)
"""Elements without text of their own, and those of drawings, whose text boxes and pictures are read."""


def to_text(raw: bytes, notes: list[str]) -> str:
    import mammoth

    counts = Counts()
    prepared = _prepared(Package(raw), counts)
    result = mammoth.convert_to_html(
        io.BytesIO(prepared),
        convert_image=lambda image: [mammoth.html.element("img", {"alt": image.alt_text or ""})],
        style_map="p[style-name='Title'] => h1:fresh",
        include_embedded_style_map=False,
        external_file_access=False,
    )
    _count_unsupported([message.message for message in result.messages], counts)
    notes += counts.sentences()
    text = markdown(_with_notes(result.value), notes)
    if not text.strip():
        raise Refused("has no text", "if it shows pictures, run text recognition (OCR) first")
    return text


def _prepared(package: Package, counts: Counts) -> bytes:
    """The file with the parts that mammoth reads, prepared, in the usual namespaces."""
    main = package.main
    roots = {name: package.xml(name) for name in (main, *_parts(package, "footnotes", "endnotes"))}
    if roots.get(main) is None:
        raise Refused("has no document in it", "open it and save it again")
    styles = Styles(_first(package, "styles"))
    story = Story(styles, Numbers(_first(package, "numbering"), styles), counts)
    for root in roots.values():
        story.prepare(root)
    _headers_and_footers(package, roots[main], story)
    comments = sum(sum(1 for _ in package.xml(part).iter("{*}comment")) for part in _parts(package, "comments"))
    counts.add("comment", "is left out", comments)
    if any(name.endswith("vbaProject.bin") for name in package.names):
        counts.add("macro project", "is left out")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in sorted(package.names):
            if name in roots:
                archive.writestr(name, _STRICT.sub(_USUAL, etree.tostring(roots[name])))
            elif name.endswith((".xml", ".rels")):
                archive.writestr(name, _STRICT.sub(_USUAL, package.read(name)))
            elif not name.endswith("/"):
                archive.writestr(name, b"")  # pictures, which are not read
    return out.getvalue()


def _parts(package: Package, *kinds: str) -> list[str]:
    return [part for kind in kinds for part in package.related(package.main, kind) if package.has(part)]


def _first(package: Package, kind: str) -> Any:
    return next((package.xml(part) for part in _parts(package, kind)), None)


def _headers_and_footers(package: Package, root: Any, story: Story) -> None:
    """Each text of a header at the beginning, of a footer at the end, once. Those that no page shows are not there."""
    body = child(root, "body")
    if body is None:
        return
    parts = {relation.id: relation.target for relation in package.relations(package.main)}
    settings = _first(package, "settings")
    evens = is_on(value(settings, "evenAndOddHeaders"))
    lines: dict[str, list[str]] = {"header": [], "footer": []}
    for section in root.iter("{*}sectPr"):
        for kind, found in lines.items():
            for reference in section.iterfind(f"{{*}}{kind}Reference"):
                which = attribute(reference, "type", "default")
                if (which == "first" and not is_on(value(section, "titlePg"))) or (which == "even" and not evens):
                    continue
                part = package.xml(parts.get(attribute(reference, "id") or "", ""))
                if part is None:
                    continue
                story.prepare(part)
                marks = [mark.get("string", "") for mark in part.iter("{*}textpath")]
                text = " / ".join([*texts(part), *(mark for mark in marks if mark.strip())])
                if text and not _PAGE_NUMBER.fullmatch(text) and text not in found:
                    found.append(text)
    tag = etree.QName(root).namespace
    for at, text in enumerate(lines["header"]):
        body.insert(at, _line(tag, f"Header: {text}"))
    end = next((body.index(last) for last in body.iterfind("{*}sectPr")), len(body))
    for text in reversed(lines["footer"]):
        body.insert(end, _line(tag, f"Footer: {text}"))


def _line(space: str | None, text: str) -> Any:
    paragraph = etree.Element(f"{{{space}}}p")
    run = etree.SubElement(paragraph, f"{{{space}}}r")
    etree.SubElement(run, f"{{{space}}}t").text = text
    return paragraph


def _with_notes(html: str) -> str:
    """The marks of footnotes and endnotes as `[^1]`, each note with its mark, and no links inside the document."""
    html = re.sub(r'<sup><a href="#(?:foot|end)note-[^"]*"[^>]*>\[(\d+)\]</a></sup>', r"[^\1]", html)
    numbers = iter(range(1, html.count("note-") + 1))
    html = re.sub(
        r'<li id="(?:foot|end)note-[^"]*">', lambda _: f"<li>{LABEL_START}[^{next(numbers)}]:{LABEL_END}", html
    )
    html = re.sub(r'<a href="#(?:foot|end)note-ref-[^"]*">↑</a>', "", html)
    return re.sub(r'<a href="#[^"]*">', "<a>", html)


def _count_unsupported(messages: list[str], counts: Counts) -> None:
    for message in messages:
        if message.startswith("A w:sym element"):
            counts.add("symbol", "is left out")
        elif (match := _UNSUPPORTED.match(message)) and not _HARMLESS.fullmatch(match[1]):
            counts.add(f"part of another kind ({match[1].rpartition('}')[2]})", "is left out")
