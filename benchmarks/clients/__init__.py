"""Other people's clients against `promptlab serve`: what works and what is refused."""
