"""The SQL of a condition and its variables, on the wire."""
