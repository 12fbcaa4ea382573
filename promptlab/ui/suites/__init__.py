"""The page Suites: run suites of test cases, look at results, accept new answers."""
