"""Turns the rows of a generator query into an audience that adds up: each person once, every row accounted for.

Pure domain: Arrow record batches in, Arrow record batches and counts out. `reader` is the way in; `ledger` says what
the counts mean.
"""
