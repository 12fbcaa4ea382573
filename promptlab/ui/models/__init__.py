"""The page Models: every model of promptlab.yaml, its state, context window and clearance."""
