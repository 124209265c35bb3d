"""Built-in questions about engagement: typed, without SQL."""
