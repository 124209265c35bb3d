"""conditions: boolean decisions about one profile or a million."""
