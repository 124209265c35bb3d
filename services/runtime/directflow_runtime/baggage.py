"""Labels that callers give to what they do (W3C Baggage), to find traces by. Nothing is ever decided by them.

Only keys that the settings name are read and handed on: what else a caller's framework puts there is nobody's business,
and may be personal. OpenTelemetry's own parser writes the keys of what it refuses into the log, whoever sent them.
"""

from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import quote, unquote

HEADER: Final = "baggage"
MOST_BYTES: Final = 8192
"""Of a header, as W3C has it; a longer one is not read."""
LONGEST_VALUE: Final = 128
"""Characters; the rest is cut off."""


def labels(header: str, keys: Collection[str]) -> dict[str, str]:
    """Those of `keys` that the header holds. What does not parse is no label."""
    found: dict[str, str] = {}
    if len(header) > MOST_BYTES:
        return found
    for member in header.split(","):
        key, _, value = member.partition(";")[0].partition("=")
        if key.strip() in keys and value:
            found[key.strip()] = unquote(value.strip(), errors="replace")[:LONGEST_VALUE]
    return found


def header(labels: Mapping[str, str]) -> str:
    """The labels for the next hop."""
    return ",".join(f"{key}={quote(value, safe='')}" for key, value in labels.items())
