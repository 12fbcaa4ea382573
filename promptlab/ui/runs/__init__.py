"""The page Runs: the history of every run, with search, and one run with its answers and provenance."""
