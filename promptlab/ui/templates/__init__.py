"""The page Templates: the list, the form with its preview, and the history in git."""
