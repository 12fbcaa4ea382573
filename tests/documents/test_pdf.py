"""PDF: words stay whole, numbers keep their meaning, values stay in their column, and what is left out is counted."""

from __future__ import annotations

import base64
import io
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypdf
import pytest
import reportlab
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from promptlab.documents._convert import to_markdown
from promptlab.documents._pdf import to_text
from promptlab.documents._pdf_chars import Char
from promptlab.documents._pdf_lines import page_lines
from promptlab.documents._refused import Refused
from promptlab.errors import DocumentError

Draw = Callable[[Any], None]


def drawn(draw: Draw, **options: Any) -> bytes:
    """A PDF with what `draw` puts on a canvas."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4, invariant=True, **options)
    canvas.setFont("Helvetica", 12)
    draw(canvas)
    canvas.save()
    return out.getvalue()


def read(raw: bytes) -> tuple[str, list[str]]:
    """The text of a PDF without the heading of its first page, and what is left out."""
    notes: list[str] = []
    return to_text(raw, notes).removeprefix("## Page 1\n\n"), notes


def line(*pieces: tuple[str, float, float]) -> Draw:
    """A line of pieces of text, each with its size and its rise."""

    def draw(canvas: Any) -> None:
        text = canvas.beginText(72, 700)
        for piece, size, rise in pieces:
            text.setFont("Helvetica", size)
            text.setRise(rise)
            text.textOut(piece)
        canvas.drawText(text)

    return draw


def at(*places: tuple[float, float, str], size: float = 12) -> Draw:
    """Texts at places of the page."""

    def draw(canvas: Any) -> None:
        canvas.setFont("Helvetica", size)
        for x, y, text in places:
            canvas.drawString(x, y, text)

    return draw


def letter_by_letter(canvas: Any, text: str, x: float, apart: float) -> float:
    for char in text:
        canvas.drawString(x, 700, char)
        x += canvas.stringWidth(char) + apart
    return x


def tracked(canvas: Any) -> None:
    x = 72.0
    for word in ("words", "a", "bit", "apart"):
        x = letter_by_letter(canvas, word, x, 0.8) + 5


def bold_twice(canvas: Any) -> None:
    for shift in (0, 0.3):
        letter_by_letter(canvas, "Total", 72 + shift, 0)


def turned(canvas: Any) -> None:
    canvas.setPageRotation(90)
    canvas.rotate(90)
    canvas.drawString(100, -100, "Turned by a quarter")


def upright(canvas: Any) -> None:
    """Two columns of Japanese, read from the right one to the left one."""
    pdfmetrics.registerFont(UnicodeCIDFont("HeiseiMin-W3", isVertical=True))
    canvas.setFont("HeiseiMin-W3", 14)
    canvas.drawString(400, 700, "縦書きの文章です。")
    canvas.drawString(370, 700, "二行目もあります。")


@pytest.mark.parametrize(
    ("draw", "text"),
    [
        (line(("about 10", 12, 0), ("6", 8, 5), (" people", 12, 0)), "about 10^6 people"),
        (line(("5,000", 12, 0), ("1", 8, 5), (" cars", 12, 0)), "5,000^1 cars"),
        (line(("10", 12, 0), ("-3", 8, 5), (" m", 12, 0)), "10^-3 m"),
        (line(("x", 12, 0), ("2", 8, 5), (" + 1", 12, 0)), "x^2 + 1"),
        (line(("2", 12, 0), ("n", 8, 5)), "2^n"),
        (line(("H", 12, 0), ("2", 8, -3), ("O", 12, 0)), "H2O"),
        (line(("the 1", 12, 0), ("st", 8, 5), (" day", 12, 0)), "the 1st day"),
        (line(("Name", 12, 0), ("\u2122", 8, 5)), "Name\u2122"),
        (line(("1", 8, 5), ("See the report", 12, 0)), "1 See the report"),
        (tracked, "words a bit apart"),
        (bold_twice, "Total"),
        (turned, "Turned by a quarter"),
        (upright, "縦書きの文章です。\n二行目もあります。"),
        (at((72, 700, "Left column"), (72, 685, "goes on"), (320, 700, "Right column"), (320, 685, "ends")),
         "Left column\ngoes on\nRight column\nends"),
    ],
)  # fmt: skip
def test_text_means_what_the_page_shows(draw: Draw, text: str) -> None:
    assert read(drawn(draw)) == (text, [])


def leftward(*pieces: tuple[str, float, float]) -> list[Char | str]:
    """Characters by their left and right end, as PDFium gives a line of Arabic."""
    return [text if text == " " else Char(text, left, right, 0, 10) for text, left, right in pieces]


@pytest.mark.parametrize(
    ("chars", "text"),
    [
        # The ligature of lam and alef, which PDFium turned around with the line
        (leftward(("ك", 20, 25), ("ا", 15, 20), ("ل", 15, 20), ("ت", 10, 15)), "كلات"),
        (leftward(("و", 50, 55), ("A", 30, 36), ("B", 36, 42), ("م", 20, 25)), "و AB م"),
        (leftward(("و", 42.5, 48), ("A", 30, 36), ("B", 36, 42), ("م", 24, 29.5)), "وABم"),
        (leftward(("f", 0, 6), ("i", 0, 6), ("x", 6, 11)), "fix"),
    ],
)
def test_arabic_and_ligatures_are_in_the_order_of_reading(chars: list[Char | str], text: str) -> None:
    assert [each.text for each in page_lines(chars)] == [text]


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["an exam-", "ple of it"], "an example of it"),
        (["a well-", "known way", "is well-known"], "a well-known way\nis well-known"),
        (["the COVID-", "19 year"], "the COVID-\n19 year"),
        (["the Anglo-", "Saxon way"], "the Anglo-Saxon way"),
        (["two-", "fold, and two or fold"], "two-fold, and two or fold"),
        (["the sub-", "set", "a subset"], "the subset\na subset"),
    ],
)
def test_a_word_divided_at_the_end_of_a_line_is_one_word(lines: list[str], text: str) -> None:
    draw = at(*((72, 700 - 15 * number, words) for number, words in enumerate(lines)))
    assert read(drawn(draw))[0] == text


# Tables


ROWS = [["Team", "Won", "Lost"], ["Ajax", "", "3"], ["PSV", "1|2", ""], ["AZ", "5", "6"]]
MARKDOWN = "| Team | Won | Lost |\n| --- | --- | --- |\n| Ajax |  | 3 |\n| PSV | 1\\|2 |  |\n| AZ | 5 | 6 |"


def ruled(canvas: Any) -> None:
    canvas.grid([72, 172, 272, 372], [620, 640, 660, 680, 700])
    plain(canvas)


def plain(canvas: Any) -> None:
    for row, cells in enumerate(ROWS):
        for column, cell in enumerate(cells):
            canvas.drawString(76 + 100 * column, 685 - 20 * row, cell)


def by_columns(canvas: Any) -> None:
    canvas.grid([72, 172, 272, 372], [620, 640, 660, 680, 700])
    for column in range(3):
        for row, cells in enumerate(ROWS):
            canvas.drawString(76 + 100 * column, 685 - 20 * row, cells[column])


def boxed(canvas: Any) -> None:
    for row, cells in enumerate(ROWS):
        for column, cell in enumerate(cells):
            canvas.rect(72 + 100 * column, 680 - 20 * row, 100, 20)
            canvas.drawString(76 + 100 * column, 685 - 20 * row, cell)


def sideways(canvas: Any) -> None:
    canvas.setPageRotation(90)
    canvas.rotate(90)
    canvas.translate(0, -780)
    ruled(canvas)


@pytest.mark.parametrize("draw", [ruled, plain, by_columns, boxed, sideways])
def test_a_value_stays_in_its_column(draw: Draw) -> None:
    assert read(drawn(draw))[0] == MARKDOWN


def test_rows_of_numbers_without_rules_between_them_are_rows() -> None:
    def draw(canvas: Any) -> None:
        canvas.grid([72, 172, 272, 372], [600, 680, 700])
        for row, cells in enumerate([["State", "2014", "2015"], ["Iowa", "1", "2"], ["Ohio", "30", "40"]]):
            for column, cell in enumerate(cells):
                canvas.drawString(76 + 100 * column, 685 - 20 * row, cell)

    assert read(drawn(draw))[0].splitlines()[2:] == ["| Iowa | 1 | 2 |", "| Ohio | 30 | 40 |"]


def test_a_frame_around_text_is_no_table() -> None:
    def draw(canvas: Any) -> None:
        canvas.rect(50, 600, 400, 200)
        at((72, 700, "Only a box"), (72, 685, "around two lines"))(canvas)

    assert read(drawn(draw))[0] == "Only a box\naround two lines"


# What is not text


def form(canvas: Any) -> None:
    canvas.drawString(72, 700, "Name and answer:")
    canvas.acroForm.textfield(name="surname", value="Meier", x=200, y=690, fieldFlags="")
    canvas.acroForm.textfield(name="empty", value="", x=200, y=650, fieldFlags="")
    canvas.acroForm.checkbox(name="agreed", checked=True, x=200, y=600)
    canvas.acroForm.checkbox(name="refused", checked=False, x=200, y=560)


def test_filled_fields_of_a_form_are_read() -> None:
    text, _ = read(drawn(form))
    assert text == "Name and answer:\n\nForm fields:\n\n- surname: Meier\n- agreed: Yes"


def picture(canvas: Any) -> None:
    from PIL import Image
    from reportlab.lib.utils import ImageReader

    canvas.drawImage(ImageReader(Image.new("RGB", (4, 4))), 100, 100, 50, 50)


def commented(canvas: Any) -> None:
    canvas.drawString(72, 700, "Text")
    canvas.textAnnotation("what about this?", [72, 600, 92, 620])
    canvas.freeTextAnnotation("typed on the page", [72, 500, 200, 520])


def attached() -> bytes:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(drawn(at((72, 700, "Text")))))
    writer.add_attachment("data.csv", b"1,2")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("raw", "text", "counted"),
    [
        (drawn(lambda c: (picture(c), picture(c), c.drawString(72, 700, "Text"))), "Text", ["2 pictures"]),
        (drawn(lambda c: (picture(c), c.showPage(), c.drawString(72, 700, "Text"))),
         "(no text on this page)\n\n## Page 2\n\nText", ["1 page is a picture", "1 picture"]),
        (drawn(commented), "Text\ntyped on the page", ["1 comment "]),
        (attached(), "Text", ["1 attached file "]),
        (drawn(at((72, 700, "Text"))).replace(b"%%EOF", b""), "Text", ["no end mark"]),
        (drawn(at((72, 700, "Text"))), "Text", []),
    ],
    ids=["pictures", "page", "comment", "attachment", "cut", "nothing"],
)  # fmt: skip
def test_what_is_left_out_is_counted(raw: bytes, text: str, counted: list[str]) -> None:
    shown, notes = read(raw)
    assert shown == text
    assert len(notes) == len(counted)
    assert [words for words, note in zip(counted, notes, strict=True) if words not in note] == []


# Files that are harder to open


def unpacked(text: str) -> bytes:
    return zlib.decompress(base64.b85decode(text))


AES_128 = (
    "c-oCp&ubJh6h50%Q9OBxhn~bvGWjtXSc?6zi=w5as}+@^ndGHi+0K;NY-x*sfG1Hz@a9zn@n5K*pk5T}MNkVB^yWqX05iMWc5yv8OhVq5_ul"
    "vAy*Iuv+c--n7#iRI_I?*pOmLCiMztD>7RthQ4V1V>sWVn)Gyw(18pW81H3*)$IMF(@+A$8PBE&eUK?<T10Y+viu&_x!i6$oz<hIHj4>4TcS"
    "_d30=oRRoXr}1q9#a%uY}pRJfq8IT#LGjWY$S9>d)+QpP(KH*axV@A@PBflXc0O^w=^N5x@i=Fw|AiU$g@IG)a+)yXI5a)Hmy6*^N-F$djov"
    "S=!&oZM{{6Xdb-#Q>d6G@t(Xu@!&<I1mJlNQBExfYAIuIGe~A`DqAx+d;#aZc)qTg8px4lu@1Gt$`Mvk^+?$VMcTQe^Ansqg`cS{k(&L}+y?"
    "A!_*iCo(#Po;Vy_Zk7Prbgi|J<}5e|@#%e?{-wUv|cR%vU^vR0Bpi#JGfcs86*GxM{3{bWB2dT5TVuA!>S^TU}Zd&EuMo(rJ}20LDy`CdRTX"
    "CEQtUouXVj&A4@`X39yhoMx%w5F2TAthIC^RP73`X~m6HGPNcpE^$l?o2H4<NgBeOO=Fcg4gxqNLTOGVCnVU?Ij0FFDrA{y^qSZ7c5s^N`ql"
    "bIRq<%HF!Sq>S59*{nyNRK;-mM;gYGr`S_AhJR7QDd9Q9_i1cwMt5IOv?6oLut@F7M+2YWa9Ax0@1#gcdgi(@*1aWd*Bs64`asatI*d+lqsw"
    "js!i7K_4T)}OQsxhpUooM*#q)-pu}NXVF?AXC8%=LwTqk%Y!H<8<<WT*5@xb5m}udn^w|xZ`!{dqoPpN8{u5`3Cv}E_pcP"
)
AES_256 = (
    "c-oCqJ&PPi5KV*(qugMWbaJ6?x~sooIndqhVq=M2c5NlcVfv%`wB~N+n4J}p|AA7WNGLMO94k;Fkc{onfic(u1(Lvlka1#1PTaG5+FQI1Jj^"
    "iFudC`+zpmOE?GLW7ZC-4>e)Ho`1tXNy{>!4*E6Pz*$9cep^rB-59M}{hP&76f4bBIOo>M^Tc}##ja)XI-E+{jC+hByI;I$8Cr`Xvku!>z~S"
    "Y!C?&MA^|<c@Gwlza8OY6&aKPp5H44v5H(V{*6_$~QvyT<ebOqhgtZbh*cC0pdToigJvzdftQ_(d`WC%)2lcIrr?)qMXcqyI6K$u5H)NaN%E"
    "mjK{aIod(zOE#LAw#;Mz_Z|CaiHeGx`DPj3L>}qT<M=p!Z$F17DoDuo2qUBoA*RVQjZxSWC{aM?fJ1HK0@xdS8?jF9p{PXtPdyn^C4elO18o"
    "vGO>leSgd;0MAqbJWVKD!U&KOcOQzW@8hul~ZNA1=N8=DULnuioLa%ZI;x*zugDI%8C8j5mnP`Vh6^2AS;<p;?~kahtoLoV2cru8BoCBt0%I"
    "6R2$vF0sJ0WKJ{2c`zwyCslHmIS?T@ZY5(v2g{iOj7le}Bm^B52Bm|R##;$SIbb3M<7sXrFS4qilb(QtnmUjPxrb<s4k0NnoUtPRgpnyq3&B"
    "IuDhTbg@#vYbfydwzMaNY_a51N+RBFMP<k<Nr88wxeWpA*!{7D<ntgG|(X8%@qW95DwhNoC{PS;6!wLiJRSNd>xfBTd6WI&b)x<zxo81_leO"
    "XW2aBH279!KvhZo{yNzl8S>hRxvb8I+JwFqQqpR0&6WxT55{46C$Tcj!Q}v8pvv55QzyHycYRjoMuI}5EOLu(kd&G3&ArfY3AZUIr@~-jIcS"
    "$ou7oGNpRl{E(q&_fGD)`lma9l{QA(|ZZH*;=z^{uqNL=KB(lO-?%c&rwZd{IY+@QVFaWlJ<#TLclBsj7ZQS%2n?>7Bre9$$uN>EPOZalaKB"
    "-bo*qObbXR;Tm5fQCpC_sY>$vMrVVb(jrQNzyvamkb1uR?R@v?c2O=+0W#v<s0KRZwhg^@oGvAGINTLj"
)
LOCKED = (
    "c-oCqJ&znk5Dg%jA3%geOXxy8{rzFBR@isDvIW+yZov{l4ywDW&uiVyoMvZFwgbqB$ea-(2oQn<2_a<22oV8@j09q*WC&_@&wDG5fYHpT>vd"
    "JV>ep3!vxDht;+m@Ve*fdApDV#QYvY4zG^*-Z*XC8ij*X<^&Nz<&g9#}HX`v`69#9A}ummebDBN&V(ZmA2m;eTBv>B6vaWx)S*yJIz++ld@("
    "HXLO2FJLp>iu@r^h{Ls8;iVT?=nq}N9^8CsJarm4?Uc;$JHhW8*(4*1nB?ds_G+LwyQ2t#IQ4MiFdsa?9y{Ut9rhQ{n{Krs_iB$aqVB<!jp6"
    "C7YPQw&0F8WynvhSL#m!%<Lggy&IEn;h8jDh$W4)S+@>dU$;`isHakVXiOq3;pIJTZFZ&MRw0b)K^3PY_dGf=r4^H9u^;f?A{G-Z!_QmAW$L"
    "AmZ{oZe7|Jes$f6~41<Mr_3SMPt*e0=>NsqyWX^)FAqd-m5$Prere&qb;WM!Um!ml@KB*)6v;w4O07gAUfoAW5giNl$H2&wFSxbh)Yz*(fQY"
    "L6^uQmlC7NB_YScx${!k5}cL^T$X@Rph~(xOvxlD&Z=k=`XU_$a8A%K#iFtn354@X*$CW|yl=Bnkl7-4(S@QCD5pW7i&DYh2`Oo#oz5A6OH4"
    "U=ClcCXjikg0WG;wCY1AmClgI;49<p|kA}qyPV%eXryI|hui`9))e}8g5TwQ(8ro%IA2B$l$zA>5KRa>EyeBK80{&dPV2?nFPG!7?h6k|rjn"
    "1d#T1WyWu0m%iar4wpWNSdgFbi#OVI91QJ;KpPnvT!O5LQonL1!1<(#0e5GCpx!-sEw7HYc3+4&Se*i%R2j#rSZwcC;&WH#%oG5!|s$upyZ%"
    "z&emrik}68dB0YK<a1c3VxjVfNJ1iAvuHxH=S!0x8g>5lGExg`owwMs=D(2)BOiFPD)BLKR5%v=6J6N1xx9;Eh;xSTr^-<gQOl?N(c2im=F4"
    "hM$oTC^J>As~ct{A7ODWuCGQvZQfmW%QKaiNi(G^u-Z)-(HjhL=5b{aPf!ov8NqCWq7NAKg-ZLj"
)
PLAIN = drawn(at((72, 700, "Open")))


def encrypted(**options: Any) -> bytes:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(PLAIN))
    writer.encrypt(**options)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


@pytest.mark.parametrize(
    "raw",
    [
        unpacked(AES_128),
        unpacked(AES_256),
        encrypted(user_password="", owner_password="owner", algorithm="RC4-40"),
        encrypted(user_password="", owner_password="owner", algorithm="RC4-128", permissions_flag=0),
        b"HTTP/1.1 200 OK\r\n\r\n" + PLAIN,
        PLAIN.replace(b"startxref\n", b"startxref\n9"),
        PLAIN + b"\n" * 500,
        drawn(at((72, 700, "Open")), pageCompression=1),
    ],
    ids=["aes128", "aes256", "rc4-40", "rc4-128", "junk before", "wrong xref", "junk behind", "compressed"],
)
def test_these_files_open(raw: bytes) -> None:
    assert to_markdown(raw, "pdf", "x.pdf").text == "## Page 1\n\nOpen\n"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (unpacked(LOCKED), "needs a password"),
        (encrypted(user_password="secret", owner_password="owner", algorithm="RC4-128"), "needs a password"),
        (drawn(picture), "its pages are pictures"),
        (PLAIN[:300], "is damaged"),
        (b"%PDF-1.7\n", "is damaged"),
    ],
    ids=["aes", "rc4", "picture", "cut", "empty"],
)
def test_these_files_are_refused_for_their_true_reason(raw: bytes, reason: str) -> None:
    with pytest.raises(DocumentError, match=reason):
        to_markdown(raw, "pdf", "x.pdf")


def nameless(text: str) -> bytes:
    """A PDF whose font has its letters in the order of their first use, and does not say which they are."""
    font = TTFont("Nameless", Path(reportlab.__file__).parent / "fonts/Vera.ttf", asciiReadable=0)
    pdfmetrics.registerFont(font)

    def draw(canvas: Any) -> None:
        canvas.setFont("Nameless", 12)
        canvas.drawString(72, 700, text)

    return re.sub(rb"/ToUnicode \d+ 0 R", b"", drawn(draw))


def test_glyphs_that_no_font_names_are_no_text() -> None:
    with pytest.raises(Refused, match="do not say which letters"):
        to_text(nameless("Nobody can know what this says"), [])


def test_pages_with_such_glyphs_are_counted() -> None:
    writer = pypdf.PdfWriter()
    for raw in (PLAIN, nameless("Nobody can know")):
        writer.append(io.BytesIO(raw))
    out = io.BytesIO()
    writer.write(out)
    text, notes = read(out.getvalue())
    assert text == "Open\n\n## Page 2\n\n(no text on this page)"
    assert [note[:6] for note in notes] == ["1 page"]
