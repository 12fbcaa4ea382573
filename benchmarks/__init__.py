"""Scripts that measure what promptlab costs; see README.md beside this file."""

from promptlab.backends.llama_native import compute_here

compute_here()  # some of them have the engine, or plain llama-cpp-python, in their own process
