"""The models of a workspace: what promptlab.yaml says of each, and the backend that asks it.

    from promptlab.models import Catalogue
    from promptlab.workspace import Workspace

    catalogue = Catalogue(Workspace.find())
    catalogue.names()                          # ["gemma-3-270m", "smollm2-135m", "gpt"], in the order of promptlab.yaml
    catalogue.status("gemma-3-270m").words     # "tried 12:15, answered in 0.4 s"; loads no weights and asks nothing
    backend = catalogue.backend("gpt")         # a local model or an API: both have the protocol `Backend`
    for step in backend.complete(request, threading.Event()):
        ...                                    # Phase, Thought and Delta as they come; last the Completion

A backend is asked by the runner (promptlab/runs) alone, which checks the gate and the window first. `ScriptedBackend`
and `RecordedBackend` answer without a model: `Catalogue(workspace, extra={"demo": ScriptedBackend("demo", ["Hi"])})`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab._lazy import lazy

if TYPE_CHECKING:
    from promptlab.models._as_sent import AsSent, Budget, Held, Piece
    from promptlab.models._backend import Backend, CutsTokens, ProbesMachine, ReadsAhead, Step, Trainable
    from promptlab.models._benchmark import benchmark
    from promptlab.models._benchmark_prompts import QUICK_BENCHMARK, USUAL_BENCHMARK
    from promptlab.models._benchmark_report import benchmark_lines
    from promptlab.models._catalogue import Catalogue
    from promptlab.models._embedded import EMBEDDED_MODELS, installed_models
    from promptlab.models._file_facts import FileFacts, file_facts, read_file_facts
    from promptlab.models._file_parts import model_files, names_of_parts
    from promptlab.models._ggml import KV_TYPES
    from promptlab.models._ggml import NUMBER as GGML_NUMBERS
    from promptlab.models._ggml import TYPES as GGML_TYPES
    from promptlab.models._ggml import bytes_of as tensor_bytes
    from promptlab.models._gguf import Head as GgufHead
    from promptlab.models._gguf import NotGGUF
    from promptlab.models._gguf import Tensor as GgufTensor
    from promptlab.models._gguf import read_head as read_gguf
    from promptlab.models._gguf import read_head_of as read_gguf_of
    from promptlab.models._llama._answer_tokens import AnswerTokens
    from promptlab.models._llama._cpu_variants import NOT_PORTABLE, NUMERICS, PORTABLE_HINT
    from promptlab.models._llama._cpu_variants import candidates as cpu_variants_to_try
    from promptlab.models._llama._memory import OVERHEAD as LOCAL_OVERHEAD
    from promptlab.models._llama._memory import CachePart, MemoryNeed, free_memory
    from promptlab.models._llama._plan_client import Planned, PlanRequest, plan_memory
    from promptlab.models._llama._unsupported import other_kind as other_kind_of_model
    from promptlab.models._llama._wheel import install as install_llama
    from promptlab.models._measured import LoadedMemory, Measured
    from promptlab.models._model_facts import ModelFacts, facts_of_file, model_facts
    from promptlab.models._new_entry import check_new_entry, installed_packages
    from promptlab.models._openai._config import (
        ApiAddress,
        api_address,
        api_key_header,
        is_api_version,
        url_without_secrets,
    )
    from promptlab.models._openai._endpoint import Endpoint
    from promptlab.models._openai._request import api_capabilities, openai_request_body
    from promptlab.models._price import Price, price, price_of, price_of_entry
    from promptlab.models._quantize import FILE_TYPES as QUANTISED_TYPES
    from promptlab.models._quantize import Quantisation, QuantisePlan, plan_quantise, quantise
    from promptlab.models._recorded import Record, RecordedBackend
    from promptlab.models._scripted import ScriptedBackend
    from promptlab.models._status import ModelStatus
    from promptlab.models._structured_output import check_schema, schema_failure, schema_verdict, with_schema_verdict
    from promptlab.models._thinking import explain_empty_answer
    from promptlab.models._trained_label import LABEL_KEY, label_of_file, label_of_model
    from promptlab.models._training_record import training_folder, training_record
    from promptlab.models._tries import Try, try_of

__all__ = [
    "EMBEDDED_MODELS",
    "GGML_NUMBERS",
    "GGML_TYPES",
    "KV_TYPES",
    "LABEL_KEY",
    "LOCAL_OVERHEAD",
    "NOT_PORTABLE",
    "NUMERICS",
    "PORTABLE_HINT",
    "QUANTISED_TYPES",
    "QUICK_BENCHMARK",
    "USUAL_BENCHMARK",
    "AnswerTokens",
    "ApiAddress",
    "AsSent",
    "Backend",
    "Budget",
    "CachePart",
    "Catalogue",
    "CutsTokens",
    "Endpoint",
    "FileFacts",
    "GgufHead",
    "GgufTensor",
    "Held",
    "LoadedMemory",
    "Measured",
    "MemoryNeed",
    "ModelFacts",
    "ModelStatus",
    "NotGGUF",
    "Piece",
    "PlanRequest",
    "Planned",
    "Price",
    "ProbesMachine",
    "Quantisation",
    "QuantisePlan",
    "ReadsAhead",
    "Record",
    "RecordedBackend",
    "ScriptedBackend",
    "Step",
    "Trainable",
    "Try",
    "api_address",
    "api_capabilities",
    "api_key_header",
    "benchmark",
    "benchmark_lines",
    "check_new_entry",
    "check_schema",
    "cpu_variants_to_try",
    "explain_empty_answer",
    "facts_of_file",
    "file_facts",
    "free_memory",
    "install_llama",
    "installed_models",
    "installed_packages",
    "is_api_version",
    "label_of_file",
    "label_of_model",
    "model_facts",
    "model_files",
    "names_of_parts",
    "openai_request_body",
    "other_kind_of_model",
    "plan_memory",
    "plan_quantise",
    "price",
    "price_of",
    "price_of_entry",
    "quantise",
    "read_file_facts",
    "read_gguf",
    "read_gguf_of",
    "schema_failure",
    "schema_verdict",
    "tensor_bytes",
    "training_folder",
    "training_record",
    "try_of",
    "url_without_secrets",
    "with_schema_verdict",
]

if not TYPE_CHECKING:  # a type checker must see which names there are
    __getattr__ = lazy(__name__)
