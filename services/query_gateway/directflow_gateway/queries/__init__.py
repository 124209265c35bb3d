"""Statements of definitions: prepared once, run many times, streamed, counted or evaluated."""
