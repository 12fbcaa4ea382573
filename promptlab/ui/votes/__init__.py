"""The page Votes: choose between two answers without knowing whose they are."""
