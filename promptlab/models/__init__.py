"""models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab._lazy import lazy

if TYPE_CHECKING:
    from promptlab.models._backend import Backend, Step, Tries
    from promptlab.models._benchmark import check as benchmark
    from promptlab.models._benchmark_prompts import QUICK, USUAL
    from promptlab.models._benchmark_report import lines as benchmark_lines
    from promptlab.models._catalogue import Catalogue, ModelStatus
    from promptlab.models._llama._cpu_variants import NOT_PORTABLE, NUMERICS, PORTABLE_HINT, candidates
    from promptlab.models._llama._wheel import install as install_llama
    from promptlab.models._openai._config import Address, address, is_version, key_header, shown_url
    from promptlab.models._openai._errors import Asked
    from promptlab.models._openai._request import body as openai_body
    from promptlab.models._openai._request import capabilities
    from promptlab.models._recorded import Record, RecordedBackend
    from promptlab.models._scripted import ScriptedBackend
    from promptlab.models._structured_output import check as check_schema_answer
    from promptlab.models._structured_output import in_words as verdict_in_words
    from promptlab.models._structured_output import judged, verdict_of
    from promptlab.models._thinking import where_tokens_went

__all__ = [
    "NOT_PORTABLE",
    "NUMERICS",
    "PORTABLE_HINT",
    "QUICK",
    "USUAL",
    "Address",
    "Asked",
    "Backend",
    "Catalogue",
    "ModelStatus",
    "Record",
    "RecordedBackend",
    "ScriptedBackend",
    "Step",
    "Tries",
    "address",
    "benchmark",
    "benchmark_lines",
    "candidates",
    "capabilities",
    "check_schema_answer",
    "install_llama",
    "is_version",
    "judged",
    "key_header",
    "openai_body",
    "shown_url",
    "verdict_in_words",
    "verdict_of",
    "where_tokens_went",
]

__getattr__ = lazy(__name__)
