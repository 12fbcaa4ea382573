"""A Word document becomes Markdown that says the same: numbers, merged cells, notes, equations, what is hidden."""

from __future__ import annotations

import io
import zipfile

import pytest

from promptlab.documents import _convert as convert
from promptlab.documents._word import to_text
from tests.documents.office_files import changed, strict

SPACES = (
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
    'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" '
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
    'xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape" '
    'xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart" '
    'xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture" '
    'xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office" '
    'xmlns:w14="http://schemas.microsoft.com/office/word/2010/wordml"'
)
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml"
STYLES = """
<w:style w:type="paragraph" w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>
<w:style w:type="paragraph" w:styleId="Mine"><w:name w:val="Mine"/><w:basedOn w:val="berschrift1"/></w:style>
<w:style w:type="paragraph" w:styleId="Title"><w:name w:val="Title"/></w:style>
<w:style w:type="paragraph" w:styleId="Step"><w:name w:val="Step"/>
<w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr></w:style>
<w:style w:type="character" w:styleId="Secret"><w:name w:val="Secret"/><w:rPr><w:vanish/></w:rPr></w:style>
<w:style w:type="character" w:styleId="Up"><w:name w:val="Up"/>
<w:rPr><w:vertAlign w:val="superscript"/></w:rPr></w:style>"""
NUMBERING = """
<w:abstractNum w:abstractNumId="0">
<w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl>
<w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="lowerLetter"/><w:lvlText w:val="%2)"/></w:lvl>
</w:abstractNum>
<w:abstractNum w:abstractNumId="1">
<w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="upperRoman"/><w:lvlText w:val="Article %1"/></w:lvl>
<w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:isLgl/><w:lvlText w:val="%1.%2"/></w:lvl>
</w:abstractNum>
<w:abstractNum w:abstractNumId="2"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/><w:lvlText w:val="o"/></w:lvl>
</w:abstractNum>
<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num>
<w:num w:numId="3"><w:abstractNumId w:val="2"/></w:num>
<w:num w:numId="4"><w:abstractNumId w:val="0"/>
<w:lvlOverride w:ilvl="0"><w:startOverride w:val="7"/></w:lvlOverride></w:num>"""


def docx(body: str, **parts: str) -> bytes:
    """A Word document with this body. `parts`: the content of other parts, such as `footnotes`."""
    content = {"styles": STYLES, "numbering": NUMBERING, **parts}
    roots = {"comments": "comments", "header1": "hdr", "header2": "hdr", "footer1": "ftr"}
    relations = "".join(
        f'<Relationship Id="{name}" Type="{OFFICE}/{name.rstrip("12")}" Target="{name}.xml"/>' for name in content
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:

        def put(name: str, xml: str) -> None:
            archive.writestr(name, f'<?xml version="1.0"?>{xml}')

        put(
            "[Content_Types].xml",
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" '
            'ContentType="application/xml"/><Override PartName="/word/document.xml" '
            f'ContentType="{TYPE}.document.main+xml"/></Types>',
        )
        start = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        put(
            "_rels/.rels",
            f'{start}<Relationship Id="r" Type="{OFFICE}/officeDocument" Target="word/document.xml"/></Relationships>',
        )
        put("word/_rels/document.xml.rels", f"{start}{relations}</Relationships>")
        put("word/document.xml", f"<w:document {SPACES}><w:body>{body}</w:body></w:document>")
        for name, xml in content.items():
            put(f"word/{name}.xml", f"<w:{roots.get(name, name)} {SPACES}>{xml}</w:{roots.get(name, name)}>")
    return out.getvalue()


def r(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def p(content: str, properties: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr>{content if content.startswith('<') else r(content)}</w:p>"


def numbered(text: str, number: int, level: int = 0) -> str:
    return p(text, f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr>')


def tc(text: str, properties: str = "") -> str:
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{text if text.startswith('<') else p(r(text))}</w:tc>"


def tr(*cells: str, properties: str = "") -> str:
    return f"<w:tr><w:trPr>{properties}</w:trPr>{''.join(cells)}</w:tr>"


def tbl(*rows: str) -> str:
    return f"<w:tbl><w:tblPr/>{''.join(rows)}</w:tbl>"


def field(instruction: str, result: str) -> str:
    return (
        f'<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>{instruction}</w:instrText></w:r>'
        f'<w:r><w:fldChar w:fldCharType="separate"/></w:r>{r(result)}<w:r><w:fldChar w:fldCharType="end"/></w:r>'
    )


SUP, SUB = '<w:vertAlign w:val="superscript"/>', '<w:vertAlign w:val="subscript"/>'
BOX = f"<w:txbxContent>{p('in a box')}</w:txbxContent>"
FRACTION = "<m:f><m:num><m:r><m:t>a</m:t></m:r></m:num><m:den><m:r><m:t>b</m:t></m:r></m:den></m:f>"

CASES: dict[str, tuple[str, str, list[str]]] = {  # body, Markdown, notes
    "an exponent": (p(r("10") + r("6", SUP) + r(" people")), "10^6 people", []),
    "a formula": (p(r("H") + r("2", SUB) + r("O")), "H_2O", []),
    "raised by a style": (p(r("10") + r("6", '<w:rStyle w:val="Up"/>')), "10^6", []),
    "raised by a distance": (p(r("10") + r("6", '<w:position w:val="8"/>')), "10^6", []),
    "an equation": (p(f"{r('so ')}<m:oMath>{FRACTION}</m:oMath>{r(' ends')}"), "so $\\frac{a}{b}$ ends", []),
    "an equation of its own": (p(f"<m:oMathPara><m:oMath>{FRACTION}</m:oMath></m:oMathPara>"), "$\\frac{a}{b}$", []),
    "an equation as an object": (
        p(f'{r("a")}<w:r><w:object><o:OLEObject ProgID="Equation.3"/></w:object></w:r>'),
        "a",
        ["1 equation is left out"],
    ),
    "columns merged": (
        tbl(tr(tc("k"), tc("v", '<w:gridSpan w:val="2"/>')), tr(tc("a"), tc("1"), tc("2"))),
        "| k | v | v |\n| --- | --- | --- |\n| a | 1 | 2 |",
        ["1 merged cell is written in every place covered"],
    ),
    "rows merged": (
        tbl(tr(tc("a", '<w:vMerge w:val="restart"/>'), tc("1")), tr(tc("", "<w:vMerge/>"), tc("2"))),
        "| a | 1 |\n| --- | --- |\n| a | 2 |",
        ["1 merged cell is written in every place covered"],
    ),
    "merged the old way": (
        tbl(tr(tc("k"), tc("v", '<w:hMerge w:val="restart"/>'), tc("", "<w:hMerge/>")), tr(tc("a"), tc("1"), tc("2"))),
        "| k | v | v |\n| --- | --- | --- |\n| a | 1 | 2 |",
        ["1 merged cell is written in every place covered"],
    ),
    "a row that begins later": (
        tbl(tr(tc("k"), tc("v")), tr(tc("1"), properties='<w:gridBefore w:val="1"/>')),
        "| k | v |\n| --- | --- |\n|  | 1 |",
        [],
    ),
    "a bar and two paragraphs in a cell": (
        tbl(tr(tc("k"), tc("v")), tr(tc("a|b"), tc(p("one") + p("two")))),
        "| k | v |\n| --- | --- |\n| a\\|b | one<br>two |",
        [],
    ),
    "a table in a cell": (
        tbl(tr(tc("k"), tc("v")), tr(tc("a"), tc(tbl(tr(tc("1"), tc("2"))) + p("")))),
        "| k | v |\n| --- | --- |\n| a | 1 / 2 |",
        [],
    ),
    "numbers": (
        numbered("x", 1) + numbered("y", 1, 1) + numbered("z", 1, 1) + p("text") + numbered("w", 1),
        "1. x\n   a) y\n   b) z\n\ntext\n\n2. w",
        [],
    ),
    "numbers that begin again": (numbered("x", 1) + p("text") + numbered("y", 4), "1. x\n\ntext\n\n7. y", []),
    "articles": (
        numbered("Scope", 2) + numbered("Rule", 2, 1) + numbered("Rule", 2, 1) + numbered("Terms", 2),
        "Article I Scope\n          1.1 Rule\n          1.2 Rule\nArticle II Terms",
        [],
    ),
    "bullets": (numbered("x", 3), "- x", []),
    "a number by a style": (p("x", '<w:pStyle w:val="Step"/>') + p("y", '<w:pStyle w:val="Step"/>'), "1. x\n2. y", []),
    "a numbered heading": (
        p("Scope", '<w:pStyle w:val="berschrift1"/><w:numPr><w:ilvl w:val="0"/><w:numId w:val="2"/></w:numPr>'),
        "# Article I Scope",
        [],
    ),
    "headings by their styles": (
        p("T", '<w:pStyle w:val="Title"/>') + p("A", '<w:pStyle w:val="Mine"/>') + p("B", '<w:outlineLvl w:val="2"/>'),
        "# T\n\n# A\n\n### B",
        [],
    ),
    "a paragraph like a heading": (p("# not one"), "\\# not one", []),
    "tracked changes": (
        p(
            f'{r("a")}<w:del w:id="1"><w:r><w:delText>gone</w:delText></w:r></w:del><w:ins w:id="2">{r("new")}</w:ins>'
            f"<w:moveFrom>{r('moved')}</w:moveFrom>"
        ),
        "anew",
        ["2 tracked deletions are left out"],
    ),
    "a deleted row": (
        tbl(tr(tc("k"), tc("v")), tr(tc("gone"), tc("1"), properties="<w:del/>"), tr(tc("a"), tc("2"))),
        "| k | v |\n| --- | --- |\n| a | 2 |",
        ["1 tracked deletion is left out"],
    ),
    "hidden text": (
        p(r("a") + r("no", "<w:vanish/>") + r("no", "<w:vanish/>") + r("b", '<w:vanish w:val="0"/>'))
        + p(r("no", '<w:rStyle w:val="Secret"/>') + r("c")),
        "ab\n\nc",
        ["2 hidden texts are left out"],
    ),
    "fields": (p(f"<w:fldSimple w:instr='REF x'>{r('Table 3')}</w:fldSimple>{field('PAGE', '7')}"), "Table 37", []),
    "a drop-down field": (
        p(
            '<w:r><w:fldChar w:fldCharType="begin"><w:ffData><w:ddList><w:result w:val="1"/><w:listEntry w:val="red"/>'
            '<w:listEntry w:val="blue"/></w:ddList></w:ffData></w:fldChar></w:r>'
        ),
        "blue",
        [],
    ),
    "content controls": (
        f"<w:sdt><w:sdtContent>{p('x')}</w:sdtContent></w:sdt>"
        + p(
            '<w:sdt><w:sdtPr><w14:checkbox><w14:checked w14:val="1"/></w14:checkbox></w:sdtPr><w:sdtContent>'
            f"{r('☒')}</w:sdtContent></w:sdt>{r(' yes')}"
        ),
        "x\n\n[x]  yes",
        [],
    ),
    "symbols": (
        p('<w:r><w:sym w:font="Wingdings" w:char="F0FE"/></w:r>' + r("a", '<w:rFonts w:ascii="Symbol"/>')),
        "🗹α",
        [],
    ),
    "an unknown symbol": (p(f'{r("a")}<w:r><w:sym w:font="Mine" w:char="F041"/></w:r>'), "a", ["1 symbol is left out"]),
    "a new text box": (
        p(
            f"{r('before')}<w:r><mc:AlternateContent><mc:Choice><wps:txbx>{BOX}</wps:txbx></mc:Choice><mc:Fallback>"
            f"<w:pict><v:textbox>{BOX}</v:textbox></w:pict></mc:Fallback></mc:AlternateContent></w:r>"
        ),
        "before\n\nin a box",
        [],
    ),
    "an old text box": (p(f"{r('before')}<w:r><w:pict><v:shape><v:textbox>{BOX}</v:textbox></v:shape></w:pict></w:r>"),
        "before\n\nin a box", []),
    "a chart and a diagram": (
        p(
            f"{r('x')}<w:r><w:drawing><wp:inline><a:graphic><a:graphicData><c:chart/></a:graphicData></a:graphic></wp:inline>"
            "</w:drawing></w:r>"
        ),
        "x",
        ["1 chart is left out"],
    ),
    "an embedded object": (
        p(f'{r("x")}<w:r><w:object><o:OLEObject ProgID="Excel.Sheet.12"/></w:object></w:r>'),
        "x",
        ["1 embedded object is left out"],
    ),
    "breaks": (
        p(f'{r("a")}<w:r><w:br w:type="page"/></w:r>{r("b")}<w:r><w:cr/></w:r>{r("c")}<w:r><w:ptab/></w:r>{r("d")}'),
        "a\nb\nc d",
        [],
    ),
    "struck twice": (p(r("20", "<w:dstrike/>") + r(" 10")), "~~20~~ 10", []),
    "from right to left": (p(f'<w:bdo w:val="rtl">{r("abc")}</w:bdo>'), "abc", []),
    "ruby": (
        p(f"<w:r><w:ruby><w:rt>{r('かん')}</w:rt><w:rubyBase>{r('漢')}</w:rubyBase></w:ruby></w:r>"),
        "漢(かん)",
        [],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("body", "text", "notes"), CASES.values(), ids=CASES)
@pytest.mark.parametrize("form", [bytes, strict])
def test_a_document_says_the_same_as_markdown(form: type[bytes], body: str, text: str, notes: list[str]) -> None:
    told: list[str] = []
    assert convert._tidy(to_text(form(docx(body)), told)).rstrip("\n") == text
    assert told == notes


def test_notes_and_comments() -> None:
    note = f'<w:footnote w:id="2">{p("the note")}</w:footnote>'
    end = f'<w:endnote w:id="3">{p("the end")}</w:endnote>'
    body = p(
        f'{r("5,000")}<w:r><w:footnoteReference w:id="2"/></w:r>{r(" cars")}<w:r><w:endnoteReference w:id="3"/></w:r>'
        '<w:r><w:commentReference w:id="0"/></w:r>'
    )
    told: list[str] = []
    raw = docx(body, footnotes=note, endnotes=end, comments=f'<w:comment w:id="0">{p("why")}</w:comment>')
    assert to_text(raw, told).strip() == "5,000[^1] cars[^2]\n\n[^1]: the note\n[^2]: the end"
    assert told == ["1 comment is left out"]


def test_headers_and_footers_that_are_shown_come_once() -> None:
    def section(titled: str) -> str:
        return (
            f'<w:sectPr><w:headerReference w:type="default" r:id="header1"/><w:headerReference w:type="first" '
            f'r:id="header2"/><w:footerReference w:type="default" r:id="footer1"/>{titled}</w:sectPr>'
        )

    parts = {"header1": p("Draft"), "header2": p("First page"), "footer1": p(field("PAGE", "3"))}
    body = f"<w:p><w:pPr>{section('')}</w:pPr></w:p>{p('text')}{section('')}"
    assert to_text(docx(body, **parts), []).split("\n\n") == ["Header: Draft", "text"]
    parts["footer1"] = p("Version 7")
    body = p("text") + section("<w:titlePg/>")
    assert to_text(docx(body, **parts), []).split("\n\n") == [
        "Header: Draft", "Header: First page", "text", "Footer: Version 7",
    ]  # fmt: skip


def test_the_main_part_may_have_any_name() -> None:
    def change(name: str, part: bytes) -> tuple[str, bytes]:
        return name.replace("document.xml", "document2.xml"), part.replace(b"word/document.xml", b"word/document2.xml")

    assert to_text(changed(docx(p("text")), change), []).strip() == "text"
