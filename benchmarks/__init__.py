"""Scripts that measure what promptlab costs; see README.md beside this file."""

from promptlab.models._llama._library import compute_here

compute_here()  # some of them have the engine, or plain llama-cpp-python, in their own process
