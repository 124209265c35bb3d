"""The name under which a statement shows in the customer's `pg_stat_activity` and log lines."""

import re

MAX_BYTES = 63
"""PostgreSQL cuts application_name at NAMEDATALEN - 1 bytes, and it shows control characters as `?`."""


def application_name(trace_id: str, definition: str) -> str:
    """`directflow/<trace id>/<last part of the definition's name>`: the trace id is whole, the definition may be cut.

    The customer's DBA copies the trace id to ours; so what gets shorter is the part that the trace holds anyway.
    """
    label = re.sub(r"[^A-Za-z0-9_.-]", "_", definition.rpartition("/")[2])
    return f"directflow/{trace_id}/{label}".rstrip("/")[:MAX_BYTES]
