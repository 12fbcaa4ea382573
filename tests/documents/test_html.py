"""HTML becomes Markdown that says the same: raised digits, merged cells, hidden text, numbers of lists, fields."""

from __future__ import annotations

import pytest

from promptlab.documents import _convert as convert
from promptlab.documents._html import markdown

CASES: dict[str, tuple[str, str]] = {
    # raised and lowered text
    "an exponent": ("10<sup>6</sup> people", "10^6 people"),
    "a long exponent": ("10<sup>12</sup> and 10<sup>&minus;3</sup>", "10^12 and 10^−3"),
    "an exponent before a digit": ("2<sup>3</sup>5", "2^{3}5"),
    "an exponent that is a formula": ("x<sup>n + 1</sup>", "x^{n + 1}"),
    "a unit": ("5 m<sup>2</sup>, 3 km<sup>2</sup>", "5 m^2, 3 km^2"),
    "a mark after thousands": ("5,000<sup>1</sup> cars", "5,000[^1] cars"),
    "a letter after a number": ("3.5<sup>a</sup> and 2<sup>n</sup>", "3.5[^a] and 2^n"),
    "two marks": ("US$5<sup>1,2</sup>", "US$5[^1,2]"),
    "a mark after a year": ("in 2019<sup>2</sup> it", "in 2019[^2] it"),
    "a mark after a sentence": ("It ended.<sup>3</sup>", "It ended.[^3]"),
    "a mark after a word": ("the people<sup>4</sup> said", "the people[^4] said"),
    "a mark that is a link": ('12<sup><a href="#fn1">1</a></sup>', "12[^1]"),
    "a mark by its class": ('12<sup class="footnote">1</sup>', "12[^1]"),
    "Wikipedia": ('50<sup id="cite_ref-1" class="reference"><a href="#cite_note-1">[1]</a></sup> km', "50[1] km"),
    "a star": ("5,000<sup>*</sup>", "5,000*"),
    "ordinals": ("1<sup>st</sup> M<sup>me</sup> 2<sup>nd</sup>", "1st M^me 2nd"),
    "a trade mark": ("Word<sup>TM</sup>", "Word™"),
    "by a style": ('10<span style="vertical-align: super">6</span>', "10^6"),
    "a formula": ("H<sub>2</sub>O, log<sub>2</sub>10, x<sub>i,j</sub>", "H_2O, log_{2}10, x_{i,j}"),
    "in a cell": ("<table><tr><td>a<td>10<sup>6</sup><tr><td>b<td>7</table>", "| a | 10^6 |\n| --- | --- |\n| b | 7 |"),
    # tables
    "rows merged": (
        "<table><tr><th>k<th>v<tr><td rowspan=2>a<td>1<tr><td>2</table>",
        "| k | v |\n| --- | --- |\n| a | 1 |\n| a | 2 |",
    ),
    "columns merged": (
        "<table><tr><th>k<th colspan=2>v<tr><td>a<td>1<td>2</table>",
        "| k | v | v |\n| --- | --- | --- |\n| a | 1 | 2 |",
    ),
    "rows and columns merged": (
        "<table><tr><td rowspan=2 colspan=2>x<td>1<tr><td>2<tr><td>3<td>4<td>5</table>",
        "| x | x | 1 |\n| --- | --- | --- |\n| x | x | 2 |\n| 3 | 4 | 5 |",
    ),
    "a merged cell in the middle": (
        "<table><tr><td>1<td rowspan=3>m<td>2<tr><td>3<td>4<tr><td>5<td>6</table>",
        "| 1 | m | 2 |\n| --- | --- | --- |\n| 3 | m | 4 |\n| 5 | m | 6 |",
    ),
    "merged to the end of its part": (
        "<table><thead><tr><th>k<th>v</thead><tbody><tr><td rowspan=0>a<td>1<tr><td>2</tbody>"
        "<tbody><tr><td>b<td>3</tbody></table>",
        "| k | v |\n| --- | --- |\n| a | 1 |\n| a | 2 |\n| b | 3 |",
    ),
    "merged too far": (
        "<table><tbody><tr><td rowspan=9>a<td>1</tbody><tbody><tr><td>b<td>2</tbody></table>",
        "| a | 1 |\n| --- | --- |\n| b | 2 |",
    ),
    "a title over a table": (
        "<table><tr><th colspan=2>Goals<tr><td>a<td>1</table>",
        "| Goals |  |\n| --- | --- |\n| a | 1 |",
    ),
    "a foot that comes first": (
        "<table><thead><tr><th>k<th>v<tfoot><tr><td>sum<td>3<tbody><tr><td>a<td>3</table>",
        "| k | v |\n| --- | --- |\n| a | 3 |\n| sum | 3 |",
    ),
    "a bar in a cell": (
        "<table><tr><th>k<th>v<tr><td>a|b<td>1</table>",
        "| k | v |\n| --- | --- |\n| a\\|b | 1 |",
    ),
    "a list and a paragraph in a cell": (
        "<table><tr><th>k<th>v<tr><td>a<td><ul><li>one<li>two</ul><p>para</p>x<br>y</table>",
        "| k | v |\n| --- | --- |\n| a | - one<br>- two<br>para<br>x<br>y |",
    ),
    "a caption and a heading in a cell": (
        "<table><caption>Goals in 2022</caption><tr><th>k<th><h3>v</h3><tr><td>a<td>1</table>",
        "Goals in 2022\n\n| k | v |\n| --- | --- |\n| a | 1 |",
    ),
    "a table in a cell": (
        "<table><tr><th>k<th>v<tr><td>a<td><table><tr><td>1<td>2<tr><td>3<td>4</table><tr><td>b<td>5</table>",
        "| k | v |\n| --- | --- |\n| a | 1 / 2<br>3 / 4 |\n| b | 5 |",
    ),
    "tables that arrange a page": (
        "<table><tr><td><table><tr><td>k<td>v<tr><td>a<td>1</table><td><p>text</table>",
        "| k | v |\n| --- | --- |\n| a | 1 |\n\ntext",
    ),
    "a short row": ("<table><tr><td>a<td>b<td>c<tr><td>1</table>", "| a | b | c |\n| --- | --- | --- |\n| 1 |  |  |"),
    # equations
    "MathML": ("<math><mi>E</mi><mo>=</mo><mi>m</mi><msup><mi>c</mi><mn>2</mn></msup></math>", "$E=mc^{2}$"),
    "a fraction": ("<math><mfrac><mn>1</mn><mn>2</mn></mfrac></math>", "$\\frac{1}{2}$"),
    "the author's TeX": (
        '<math><semantics><mrow><mi>x</mi></mrow><annotation encoding="application/x-tex">x_1</annotation></semantics>'
        "</math>",
        "$x_1$",
    ),
    "KaTeX": (
        '<span class="katex"><span class="katex-mathml"><math><semantics><mi>x</mi><annotation encoding='
        '"application/x-tex">x^2</annotation></semantics></math></span><span class="katex-html" aria-hidden="true">x2'
        "</span></span>",
        "$x^2$",
    ),
    "MathJax": ('so <script type="math/tex">a^2</script>', "so $a^2$"),
    "Wikipedia's equation": (
        '<span class="mwe-math-element"><span style="display: none;"><math><semantics><mi>x</mi><annotation encoding='
        '"application/x-tex">{\\displaystyle x^{2}}</annotation></semantics></math></span><img alt="x squared"></span>',
        "${\\displaystyle x^{2}}$",
    ),
    # lists
    "numbers": ('<ol start="5"><li>a<li value="9">b<li>c</ol>', "5. a\n9. b\n10. c"),
    "backwards": ("<ol reversed><li>a<li>b</ol>", "2. a\n1. b"),
    "from nought": ('<ol start="0"><li>a<li>b</ol>', "0. a\n1. b"),
    "letters": ('<ol type="a" start="26"><li>x<li>y</ol>', "z. x\naa. y"),
    "Roman": ('<ol type="I" start="3"><li>x<li>y</ol>', "III. x\nIV. y"),
    "letters by a style": ('<ol style="list-style-type: lower-roman"><li>x<li>y</ol>', "i. x\nii. y"),
    "a list in a list": ("<ol><li>a<ol type=a><li>b<li>c</ol><li>d</ol>", "1. a\n   a. b\n   b. c\n2. d"),
    "definitions": ("<dl><dt>T<dd>D<dt>U<dd>E</dl>", "T\n:   D\n\nU\n:   E"),
    # other elements
    "code": ("<pre>def f(x):\n\n\n    return x</pre>", "```\ndef f(x):\n\n\n    return x\n```"),
    "code with a fence": ("<pre>```\na\n```</pre>", "````\n```\na\n```\n````"),
    "soft hyphens": ("Donau&shy;dampf&#8203;schiff a&nbsp;b", "Donaudampfschiff a b"),
    "deleted and inserted": ("<del>20</del> <ins>10</ins> <strike>3</strike> <s>4</s>", "~~20~~ 10 ~~3~~ ~~4~~"),
    "an abbreviation": ('<abbr title="World Health Organization">WHO</abbr>', "WHO (World Health Organization)"),
    "ruby": ("<ruby>漢<rp>(</rp><rt>かん</rt><rp>)</rp></ruby>", "漢(かん)"),
    "from right to left": ('<p dir="rtl">שלום 123</p>', "שלום 123"),
    "a quotation": ("<q>cite</q>", '"cite"'),
    "blocks": ("<main>a</main><footer>b</footer><address>c</address>", "a\n\nb\n\nc"),
    "folded": ("<details><summary>More</summary>folded</details>", "More\n\nfolded"),
    "fields": (
        '<label>Name</label><input value="Ann"><textarea>typed</textarea><select><option>red<option selected>blue'
        '</select><input type="checkbox" checked>yes<input type="radio">no<input type="password" value="secret">',
        "Name Ann typed blue [x] yes [ ] no",
    ),
    "the first option": ("<select><option>red<option>blue</select>", "red"),
    "a link to a script": ('<a href="javascript:x()">go</a>', "go"),
    # titles
    "a title": ("<title>Report</title><p>x", "# Report\n\nx"),
    "a title beside a heading": ("<title>Report - Site</title><h1>Report</h1><p>x", "# Report\n\nx"),
}


@pytest.mark.parametrize(("page", "text"), CASES.values(), ids=CASES)
def test_a_page_says_the_same_as_markdown(page: str, text: str) -> None:
    assert convert._tidy(markdown(page, [])).rstrip("\n") == text


LEFT_OUT: dict[str, tuple[str, list[str]]] = {
    "by a style": ('<p style="display:none">no', ["1 hidden text is left out"]),
    "invisible": ('<p style="color:red; visibility : hidden">no', ["1 hidden text is left out"]),
    "by an attribute": ("<p hidden>no</p><div hidden>no</div>", ["2 hidden texts are left out"]),
    "from screen readers": ('<b aria-hidden="true">no</b>', ["1 hidden text is left out"]),
    "by a rule": (
        "<style>/* x */ .a, #b {display: none}</style><p class=a>no<p id=b>no",
        ["2 hidden texts are left out"],
    ),
    "a closed dialog": ("<dialog>no</dialog>", ["1 hidden text is left out"]),
    "nothing hidden": ('<p style="display:none"></p>', []),
    "a text without scripts": ("<noscript>no</noscript>", ["1 text for browsers without scripts is left out"]),
    "a template": ("<template><p>no</template>", ["1 template is left out"]),
    "an embedded page": ('<iframe src="x">no</iframe><iframe></iframe>', ["2 embedded pages are left out"]),
    "a video": ("<video>no</video>", ["1 video is left out"]),
    "pictures": ('<img src="x.png"><img alt=""><svg></svg>', ["3 pictures are left out"]),
    "options": ("<select multiple><option>no<option>no</select>", ["2 options of a form are left out as not selected"]),
}


@pytest.mark.parametrize(("page", "notes"), LEFT_OUT.values(), ids=LEFT_OUT)
def test_what_is_left_out_is_counted(page: str, notes: list[str]) -> None:
    told: list[str] = []
    text = markdown(f"<p>seen</p>{page}", told)
    assert text.split() == ["seen"]
    assert told == notes


SHOWN = {
    "a rule for paper": "<style>@media print { .a {display: none} } .b {color: red}</style><p class=a>yes",
    "a rule that a later one undoes": "<style>.a {display: none} .a {display: block}</style><p class=a>yes",
    "a rule that the element undoes": '<style>.a {display: none}</style><p class=a style="display: block">yes',
    "a rule for a state": "<style>.a:hover {display: none}</style><p class=a>yes",
    "found by a search": '<p hidden="until-found">yes',
    "not closed": "<div><p>yes",
}


@pytest.mark.parametrize("page", SHOWN.values(), ids=SHOWN)
def test_what_the_page_shows_stays(page: str) -> None:
    told: list[str] = []
    assert markdown(page, told).split() == ["yes"]
    assert told == []


def test_merged_cells_are_counted_and_a_picture_leaves_its_description() -> None:
    told: list[str] = []
    page = "<img alt='A boat'><table><tr><td rowspan=2>a<td>1<tr><td>2</table>"
    assert markdown(page, told).startswith("A boat\n\n|")
    assert told == ["1 picture is left out", "1 merged cell is written in every place covered"]
