"""A suite from its file to its recording and back: record, replay, rerun, accept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from promptlab import suite_file
from promptlab.baseline import Answers, changes, write_recording
from promptlab.errors import PromptlabError
from promptlab.recording import Recording
from promptlab.replay import replay
from promptlab.store import Store
from promptlab.suite import Suite
from promptlab.suite_asking import Answered, Asking, Options
from promptlab.suite_log import SuiteLog
from tests.conftest import House
