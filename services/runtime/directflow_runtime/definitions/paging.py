"""Lists of resources, a page at a time."""

import base64
import binascii
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import Final, TypeVar

from directflow_runtime.errors import DirectFlowError, FieldViolation, StatusCode
from directflow_runtime.tokens import fingerprint, seal, unseal

DEFAULT_PAGE: Final = 100
LARGEST_PAGE: Final = 1_000
MOST_PAGE_BYTES: Final = 2 * 1024 * 1024
"""A page of large definitions ends early: callers receive 4 MiB by default."""
MOST_DIGITS: Final = 18
"""Of a position that is a number: it fits PostgreSQL's bigint."""

_Item = TypeVar("_Item")


def page_size(asked: int) -> int:
    """How many items a page has: the default for 0, never more than the largest. INVALID_REQUEST below 0."""
    if asked < 0:
        violation = FieldViolation("page_size", "0 to 1,000", "OUT_OF_RANGE")
        raise DirectFlowError(
            StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", "page_size is negative", violations=[violation]
        )
    return min(asked or DEFAULT_PAGE, LARGEST_PAGE)


def page_after(
    items: Sequence[_Item],
    key: Callable[[_Item], str],
    size: int,
    token: str,
    *request: str,
    weight: Callable[[_Item], int] = lambda _: 0,
) -> tuple[list[_Item], str]:
    """A page of `items`, which are in the order of `key`, and the token of the next one; empty on the last.

    `request` is what the list was asked for: a token is good for the same request only. An item that comes or goes
    between two pages moves no other. `weight` is an item's bytes. Raises PAGE_TOKEN_INVALID.
    """
    begin = bisect_right(items, position(token, *request), key=key) if token else 0
    shown = list(items[begin : begin + size])
    del shown[_fitting(map(weight, shown)) :]
    more = begin + len(shown) < len(items)
    return shown, token_at(key(shown[-1]), *request) if more and shown else ""


def _fitting(weights: Iterable[int]) -> int:
    """How many of these one page takes: at least one."""
    totals = accumulate(weights)
    return max(1, sum(total <= MOST_PAGE_BYTES for total in totals))


def token_at(position: str, *request: str) -> str:
    """A token that goes on behind `position`."""
    sealed = seal(_fingerprint(request), position.encode())
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def position(token: str, *request: str) -> str:
    """Where the page that this token asks for begins. Raises INVALID_ARGUMENT (PAGE_TOKEN_INVALID)."""
    try:
        sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _invalid() from None
    payload = unseal(_fingerprint(request), sealed)
    if payload is None:
        raise _invalid()
    try:  # no key guards a token: what is in it may be anybody's
        return payload.decode()
    except UnicodeDecodeError:
        raise _invalid() from None


def number_at(token: str, *request: str) -> int:
    """As `position`, of a list whose positions are numbers of 64 bits. Raises PAGE_TOKEN_INVALID."""
    text = position(token, *request)
    if not (text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS):
        raise _invalid()
    return int(text)


def _fingerprint(request: Sequence[str]) -> bytes:
    return fingerprint(*(part.encode() for part in request))


def _invalid() -> DirectFlowError:
    return DirectFlowError(
        StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID", "the page token belongs to another request, or is damaged"
    )
