"""`python -m promptlab.cli`."""

from promptlab.cli import main

main()
