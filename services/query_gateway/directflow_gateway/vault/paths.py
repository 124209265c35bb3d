"""What a path of Vault's API may look like."""

import re

_SEGMENTS = re.compile(r"[A-Za-z0-9_.@=+:~-]+(/[A-Za-z0-9_.@=+:~-]+)*")


def is_vault_path(path: str) -> bool:
    """Segments of plain characters below /v1/. A path of a URL would be more: `..`, `?` and `%2e` lead elsewhere, and
    HTTP clients resolve them in silence."""
    return _SEGMENTS.fullmatch(path) is not None and not {".", ".."} & set(path.split("/"))
