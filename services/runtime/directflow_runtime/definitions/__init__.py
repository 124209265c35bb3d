"""Definitions with a life of their own: documents, the store that keeps them, and what each service makes of them.

The gateway keeps the documents; connections, data sources and conditions are what three services read in them. All
three save, list, roll back and delete them by the same rules, which stand here once.
"""
