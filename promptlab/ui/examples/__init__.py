"""The page Examples: pools of worked examples; search and edit them, try a selection, remove duplicates."""
