"""Definitions as files: read with positions, compared, checked together, written in order, and written out again."""
