"""The app as a process on a copy of the workspace, and a browser; for tests and for the README's pictures."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.places import ROOT


def copy_workspace(folder: Path, catalogue: str | None = None) -> Path:
    """Put this workspace's templates and fixtures into `folder`; `catalogue` replaces promptlab.yaml."""
    for name in ("templates", "fixtures"):
        shutil.copytree(ROOT / name, folder / name)
    text = catalogue or (ROOT / "promptlab.yaml").read_text(encoding="utf-8")
    (folder / "promptlab.yaml").write_text(text, encoding="utf-8")
    return folder


@dataclass
class App:
    """A running app. `kill` ends it as a crash would; `start` brings it up again on the same folder and port."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.folder / "app.log").read_text(errors="replace")

    def command(self) -> list[str]:
        """The command that starts it."""
        return [sys.executable, "-P", "-m", "promptlab.cli", "app", "--port", str(self.port)]

    def start(self) -> App:
        if not self.port:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.port = probe.getsockname()[1]
        env = {k: v for k, v in os.environ.items() if not k.startswith(("COV", "OPENAI"))} | self.env
        with (self.folder / "app.log").open("ab") as log:
            self.process = subprocess.Popen(self.command(), cwd=self.folder, env=env, stdout=log, stderr=log)
        for _ in range(600):
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=1):
                    return self
            except OSError:
                assert self.process.poll() is None, f"the app ended:\n{self.log}"
                time.sleep(0.1)
        raise AssertionError(f"the app did not come up:\n{self.log}")

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(10)
            self.process = None


@contextmanager
def chromium_of_the_system() -> Iterator[Browser]:
    """Debian's Chromium, without a screen."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert path, "Chromium is needed: `make browser`"
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()
