"""The page Ledger: the list of every text that was sent from this machine."""
