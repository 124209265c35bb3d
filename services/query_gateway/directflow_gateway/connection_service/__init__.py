"""Connections as resources: checked, saved, tried step by step, and handed their credential only when that is sure."""
