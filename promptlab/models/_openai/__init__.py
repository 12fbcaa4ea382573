"""_openai."""
