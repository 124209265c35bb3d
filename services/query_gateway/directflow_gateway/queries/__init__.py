"""Statements of definitions, prepared once and run many times. Owner of engine.py, statement.py, servicer.py: the lead."""
