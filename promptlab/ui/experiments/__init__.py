"""The page Experiments: the list, a new experiment with its plan, one experiment, and the cases that it changed."""
