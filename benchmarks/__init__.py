"""Peers side by side in one run: ratios and CPU per row, never part of the tests."""
