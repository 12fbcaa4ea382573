"""Helpers that know nothing of prompts: files, git, child processes, JSON Schema, regular expressions, word search.

    from promptlab._util.files import write_atomically
    write_atomically(path, b"...")          # path holds the old bytes or the new ones, never a part

There is no face here: import the module that has the function.
"""
