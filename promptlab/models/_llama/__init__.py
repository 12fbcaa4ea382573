"""Local models: GGUF files that llama.cpp runs on this machine. Private to `promptlab.models`.

    backend = LlamaBackend("smollm2-135m", Path("SmolLM2-135M-Instruct.Q4_1.gguf"), entry, sha256="b179c9...")

In the process of the user                            In the worker process (_worker.py)
    _backend.py         the backend protocol              _host.py            the models that are loaded
    _chat_template.py   messages to one string            _load.py            loading a model
    _tokenize.py        that string to tokens             _unsupported.py     files that cannot answer
    _grammar.py         a JSON Schema to a grammar        _memory.py          memory that a model needs
    _identity.py        the fingerprint                   _exact_engine.py    one answer at a time
    _cpu_choice.py      which CPU code is used            _prefix_cache.py    its prefix cache
    _scheduler.py       which request is next             _batched_engine.py  continuous batching
    _job.py             a request that waits              _kv_cells.py        its KV cache
    _read_ahead.py      reading before it is asked
    _answering.py       who else is answering
    _workers.py         the worker processes              _generation.py      decoding: _sampling.py, _detokenize.py
    _worker_client.py   one of them, from outside         _token_masks.py     tokens that a grammar allows

Native code that fails ends its process. So models are loaded in a worker process, and the user's process survives.
"""
