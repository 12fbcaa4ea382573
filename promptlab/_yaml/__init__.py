"""_yaml."""
