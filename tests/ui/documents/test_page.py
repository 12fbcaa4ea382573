"""Documents in the browser: added, read, labelled, and told who may read them, who uses them and what changed."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from io import BytesIO

import pytest
from streamlit.testing.v1 import AppTest

from promptlab.documents import _read as documents
from promptlab.documents import add_document
from promptlab.ui.components import folders, theme
from promptlab.ui.components.sizes import of_bytes
from promptlab.ui.components.widgets import plain
from promptlab.ui.documents import page as documents_page
from promptlab.workspace._labels import set_label
from tests.documents.test_documents import docx, pdf
from tests.ui.conftest import Desk, bodies, said, text_of

Desks = Callable[..., Desk]
CUP = "fixtures/documents/cup.md"


def rows(tab: AppTest) -> list[str]:
    return [" ".join(text_of(body).split()) for body in bodies(tab) if 'class="pl-doc"' in body]


def upload(tab: AppTest, *files: tuple[str, bytes]) -> AppTest:
    uploader = tab.get("file_uploader")[0]
    uploader.set_value([(name, raw, "application/octet-stream") for name, raw in files])
    return tab.run()


def paste(tab: AppTest, name: str, text: str) -> AppTest:
    tab.segmented_control(key="documents-add-way").set_value("Paste text").run()
    turn = tab.session_state["documents-add-turn"]
    tab.text_input(key=f"documents-add-name-{turn}").set_value(name)
    tab.text_area(key=f"documents-add-paste-{turn}").set_value(text)
    return tab.button(key="documents-add-add").click().run()


# The list


def test_without_documents_the_page_says_what_to_do(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    (here.session.workspace.root / CUP).unlink()
    (here.session.workspace.root / "templates/cup.yaml").unlink()
    tab = here.open("documents")
    assert not tab.exception
    assert "No documents yet Add one above." in " ".join(said(tab).split())


def test_each_document_says_its_label_its_words_its_size_and_who_uses_it(desk: Desks) -> None:
    tab = desk(alpha=["ok"]).open("documents")
    assert not tab.exception
    assert rows(tab) == ["cup.md fixtures/documents public 10 words · 56 B cup"]


def test_search_and_label_narrow_the_list(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    add_document(here.session.workspace, "minutes.md", "Text")
    tab = here.open("documents")
    assert len(rows(tab)) == 2
    tab.text_input(key="documents-text").set_value("minutes").run()
    assert rows(tab) == ["minutes.md documents/uploads confidential 1 word · 4 B no template"]
    tab.selectbox(key="documents-label").set_value("public").run()
    assert rows(tab) == []
    assert "No document matches" in said(tab)


def test_pages_of_a_long_list_turn_both_ways(desk: Desks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "PAGE", 2)
    here = desk(alpha=["ok"])
    for n in range(4):
        add_document(here.session.workspace, f"note-{n}.md", f"Text {n}")
    tab = here.open("documents")
    assert "1 to 2 of 5" in said(tab)
    tab.button(key="documents-next").click().run()
    tab.button(key="documents-next").click().run()
    assert "5 to 5 of 5" in said(tab)
    assert tab.button(key="documents-next").disabled
    tab.button(key="documents-before").click().run()
    assert "3 to 4 of 5" in said(tab)
    tab.text_input(key="documents-text").set_value("note").run()
    assert "1 to 2 of 4" in said(tab)


# Adding


def test_files_are_stored_at_once_and_are_confidential(desk: Desks) -> None:
    here, minutes = desk(alpha=["ok"]), docx()
    tab = upload(here.open("documents"), ("minutes.docx", minutes), ("notes.txt", b"Hello there"))
    assert not tab.exception
    assert "notes.txt was added: 2 words, confidential." in " ".join(said(tab).split())
    assert [row.split()[0] for row in rows(tab)] == ["minutes.docx", "notes.txt", "cup.md"]
    upload_folder = here.session.workspace.root / "documents/uploads"
    assert (upload_folder / "minutes.docx").read_bytes() == minutes
    tab.run()
    assert sorted(path.name for path in upload_folder.iterdir()) == ["minutes.docx", "notes.txt"]


def test_what_the_text_leaves_out_is_said_after_the_upload_and_on_the_page_of_the_document(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    page = b"<p>seen</p><p hidden>no</p><p hidden>no</p><img src='x'>"
    notes = "2 hidden texts are left out. 1 picture is left out."
    tab = upload(here.open("documents"), ("page.html", page))
    assert notes in " ".join(said(tab).split())
    tab = here.open("documents", document="documents/uploads/page.html")
    assert not tab.exception
    assert notes in " ".join(said(tab).split())
    assert "left out" not in " ".join(said(here.open("documents", document=CUP)).split())


def test_the_same_file_again_is_there_once_and_said(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    upload(here.open("documents"), ("notes.txt", b"Hello"))
    tab = upload(here.open("documents"), ("notes.txt", b"Hello"))
    assert "notes.txt already exists" in " ".join(said(tab).split())
    assert len(rows(tab)) == 2


def bomb() -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b" " * 30_000_000)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "raw", "words"),
    [
        (
            "locked.pdf",
            pdf("x", password="s"),
            "eeds a password. Open it, and save a copy",
        ),
        ("bomb.docx", bomb(), "as a ZIP bomb does. Save the part that you need as a new file."),
        ("large.md", b"x" * 20_000_001, "20.0 MB is more than the 20 MB a document may have."),
        ("run.exe", b"MZ\x90\x00", "Files ending in `.exe` cannot be read as documents. Documents can be .txt,"),
        ("text.pdf", b"just words", "It is not a PDF by its content. Give it the ending of its real type."),
        ("latin.txt", b"caf\xe9", "save it as UTF-8, or name"),
        ("empty.md", b"", "It is empty."),
        ("<b>x</b>.exe", b"x", "Not added: <b>x</b>.exe"),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value and len(value) < 14 else "",
)
def test_a_bad_file_is_refused_with_what_to_do_and_leaves_nothing(
    desk: Desks, name: str, raw: bytes, words: str
) -> None:
    here = desk(alpha=["ok"])
    tab = upload(here.open("documents"), (name, raw), ("good.md", b"Good"))
    assert not tab.exception
    assert words in " ".join(said(tab).split())
    assert sorted(path.name for path in (here.session.workspace.root / "documents/uploads").iterdir()) == ["good.md"]


def test_text_can_be_pasted_and_the_fields_are_empty_afterwards(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    tab = paste(here.open("documents"), "Meeting of 3 May", "We met.\n")
    assert not tab.exception
    path = here.session.workspace.root / "documents/uploads/Meeting of 3 May.md"
    assert path.read_text() == "We met.\n"
    assert "Meeting of 3 May.md was added: 2 words" in " ".join(said(tab).split())
    assert tab.text_area(key="documents-add-paste-1").value == ""


def test_an_empty_paste_is_refused_and_what_was_typed_stays(desk: Desks) -> None:
    tab = paste(desk(alpha=["ok"]).open("documents"), "nothing", "  ")
    assert "Not added: nothing It is empty." in " ".join(said(tab).split())
    assert tab.text_input(key="documents-add-name-0").value == "nothing"


def test_the_limit_of_an_upload_is_that_of_a_document_and_is_said(desk: Desks) -> None:
    tab = desk(alpha=["ok"]).open("documents")
    assert tab.get("file_uploader")[0].proto.max_upload_size_mb == theme.UPLOAD_MB
    assert theme.UPLOAD_MB * 1024 * 1024 >= documents.MAX_CONTAINER_BYTES
    assert theme.options()["server"]["maxUploadSize"] == theme.UPLOAD_MB
    assert "PDF, Word and Excel up to 50 MB" in said(tab)


# One document


def test_a_document_is_opened_read_and_closed(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    tab = here.open("documents")
    tab.button(key=f"open-doc-{folders.key_of(CUP)}").click().run()
    assert not tab.exception
    words = " ".join(said(tab).split())
    assert "Argentina beat France in the final. Qatar was the host." in words
    assert "10 words · 10 tokens for alpha · 56 B" in words
    assert "Used by cup." in words
    tab.button(key="documents-all").click().run()
    assert len(rows(tab)) == 1


def test_hostile_text_and_names_stay_text(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    text = "<script>alert(1)</script> ![x](http://evil.example/x.png)"
    (here.session.workspace.root / "documents").mkdir()
    (here.session.workspace.root / "documents/<img src=x> **b**.md").write_text(text)
    tab = here.open("documents")
    assert not any("<img" in body for body in bodies(tab))
    tab = here.open("documents", document="documents/<img src=x> **b**.md")
    assert text in said(tab)
    assert not any("<script" in body or "<img" in body for body in bodies(tab))
    assert tab.subheader[0].value == r"\<img src\=x\> \*\*b\*\*\.md"


def test_a_long_text_is_shown_in_parts_that_say_how_much_there_is(desk: Desks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents_page, "PART", 30)
    tab = desk(alpha=["ok"]).open("documents", document=CUP)
    assert "Characters 1 to 30 of 56. The prompt gets the whole text." in said(tab)
    tab.number_input(key="document-part").set_value(2).run()
    assert "Qatar was the host." in said(tab)
    assert "Argentina" not in said(tab)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("documents/none.md", "This document cannot be read: documents/none.md There is no such document."),
        ("../outside.md", "leads out of the workspace"),
        ("promptlab.yaml", "cannot be read as documents"),
    ],
)
def test_an_address_that_names_no_document_says_so(desk: Desks, path: str, words: str) -> None:
    tab = desk(alpha=["ok"]).open("documents", document=path)
    assert not tab.exception
    assert words in " ".join(said(tab).split())
    assert tab.button(key="documents-all")


def test_a_document_that_cannot_be_read_says_why_and_keeps_its_label(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    (here.session.workspace.root / CUP).write_bytes(b"one\ncaf\xe9")
    tab = here.open("documents")
    assert rows(tab) == ["cup.md fixtures/documents public 8 B cannot be read"]
    tab.button(key=f"open-doc-{folders.key_of(CUP)}").click().run()
    words = " ".join(said(tab).split())
    assert f"This document cannot be read: {CUP} Not UTF-8 text (line 2)." in words
    assert "windows-1252" in words
    assert "Every model may read it: alpha." in words


def test_a_change_since_the_last_use_is_said_and_shown(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    here.run(here.open())
    (here.session.workspace.root / CUP).write_text("Argentina beat France in the final. Doha was the host.\n")
    tab = here.open("documents")
    assert "changed since used" in rows(tab)[0]
    tab = here.open("documents", document=CUP)
    assert "Changed since it was used" in said(tab)
    assert "The earlier text was kept" in said(tab)
    tab.session_state["document-changed"] = True
    tab.run()
    assert not tab.exception
    changes = next(body for body in bodies(tab) if "<del" in body)
    assert "Qatar" in changes
    assert "Doha" in changes


# Labels


def test_the_label_says_which_models_may_read_and_can_be_changed(desk: Desks) -> None:
    here = desk(alpha=["ok"], beta=["ok"])
    here.models["beta"].clearance = "public"
    tab = here.open("documents", document=CUP)
    assert "Every model may read it: alpha and beta." in said(tab)
    tab.radio(key="document-label-choice-0").set_value("confidential")
    assert "Only alpha may read it; it is never sent to beta." in "".join(tab.radio[0].proto.captions).replace("\\", "")
    tab.button(key="document-label-set").click().run()
    assert not tab.exception
    assert "Only alpha may read it; it is never sent to beta." in said(tab)
    assert f'"{CUP}": confidential' in (here.session.workspace.root / "promptlab.yaml").read_text()
    assert here.session.workspace.label_of(CUP) == "confidential"
    assert tab.session_state["document-label-number"] == 1  # another menu, which is closed


def test_a_label_that_a_pattern_forbids_stays_and_says_which(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    file = here.session.workspace.root / "promptlab.yaml"
    file.write_text('models: {}\nlabels: {"fixtures/**": confidential}\n')
    tab = here.open("documents", document=CUP)
    assert plain("Only for a few people.") in "".join(tab.radio[0].proto.captions)
    tab.radio(key="document-label-choice-0").set_value("public")
    tab.text_input(key="document-label-why-0").set_value("printed")
    tab.button(key="document-label-set").click().run()
    assert not tab.exception
    assert "The label was not changed" in said(tab)
    assert "by the pattern `fixtures/**`" in said(tab)
    assert file.read_text() == 'models: {}\nlabels: {"fixtures/**": confidential}\n'


def test_a_label_changed_elsewhere_is_shown(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    tab = here.open("documents", document=CUP)
    set_label(here.session.workspace, CUP, "internal")
    tab.run()
    assert tab.radio(key="document-label-choice-1").value == "internal"
    assert here.session.workspace.label_of(CUP) == "internal"


@pytest.mark.parametrize(("count", "words"), [(0, "0 B"), (999, "999 B"), (12_345, "12 kB"), (3_400_000, "3.4 MB")])
def test_sizes_have_the_unit_that_fits(count: int, words: str) -> None:
    assert of_bytes(count) == words


def test_lowering_a_label_asks_why(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    set_label(here.session.workspace, CUP, "confidential")
    here.session.reload()
    tab = here.open("documents", document=CUP)
    tab.radio(key="document-label-choice-0").set_value("internal")
    tab.button(key="document-label-set").click().run()
    assert "needs a reason" in said(tab)
    assert here.session.workspace.label_of(CUP) == "confidential"
    # Typed and pressed in one go, as a person does.
    tab.text_input(key="document-label-why-0").set_value("they know")
    tab.button(key="document-label-set").click().run()
    assert not tab.exception
    assert here.session.workspace.label_of(CUP) == "internal"
