"""_llama."""
