"""Pages of segments. A page goes on where the one before ended, as long as what was shown so far still comes first.

The discovery query runs again for every page, and live counts in it may change at any time; the order of the keys may
not, or a page would skip a segment or show one twice. A token therefore holds a digest of all keys served so far.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
from directflow_runtime.errors import DirectFlowError, FieldViolation, StatusCode
from directflow_runtime.tokens import fingerprint, seal, unseal

from directflow_segments.data_sources import DataSource, Value
from directflow_segments.queries import QueryGateway
from directflow_segments.segments import Discovery, Segment, as_text, discover

DEFAULT_PAGE = 100
LARGEST_PAGE = 1_000
MOST_PAGE_BYTES = 2 * 1024 * 1024
"""A page of wide rows ends early: callers receive 4 MiB by default."""
_COUNT_BYTES = 8


@dataclass(frozen=True, slots=True)
class PageRequest:
    """One page of a data source's segments."""

    data_source: DataSource
    fingerprint: bytes
    """Of everything in the request that must stay the same from page to page."""
    size: int = DEFAULT_PAGE
    token: str = ""
    filter: str = field(default="", repr=False)
    variables: Mapping[str, Value] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Page:
    """Some segments, in the discovery query's order."""

    schema: pa.Schema
    segments: tuple[Segment, ...] = field(repr=False)
    next_token: str
    truncated: bool
    """True: the discovery query has more rows than are ever listed."""


async def list_segments(gateway: QueryGateway, request: PageRequest) -> Page:
    """Raises PAGE_TOKEN_INVALID, and ABORTED (PAGE_ORDER_CHANGED) where the caller must start over."""
    served = _opened(request)
    discovery = await discover(gateway, request.data_source, request.variables)
    shown = _filtered(discovery, request.filter)
    start = 0 if served is None else _start(shown, served)
    end = start + _fitting(shown[start : start + request.size])
    token = _token(request, shown, end) if end < len(shown) else ""
    return Page(discovery.schema, tuple(shown[start:end]), token, discovery.truncated)


def _filtered(discovery: Discovery, text: str) -> Sequence[Segment]:
    wanted = text.casefold()
    return [s for s in discovery.segments if any(wanted in as_text(cell).casefold() for cell in s.cells)]


def _fitting(segments: Sequence[Segment]) -> int:
    """How many of these one page takes: at least one."""
    room = MOST_PAGE_BYTES
    for count, segment in enumerate(segments):
        room -= sum(len(as_text(cell).encode()) + 16 for cell in segment.cells)
        if room < 0:
            return max(1, count)
    return len(segments)


def _token(request: PageRequest, shown: Sequence[Segment], end: int) -> str:
    payload = end.to_bytes(_COUNT_BYTES) + _keys(shown[:end])
    return base64.urlsafe_b64encode(seal(request.fingerprint, payload)).decode()


def _opened(request: PageRequest) -> bytes | None:
    if not request.token:
        return None
    try:
        payload = unseal(request.fingerprint, base64.b64decode(request.token, altchars=b"-_", validate=True))
    except ValueError:  # no base64
        payload = None
    if payload is None:
        raise DirectFlowError(
            StatusCode.INVALID_ARGUMENT,
            "PAGE_TOKEN_INVALID",
            "The page token is none of ours, or belongs to another request.",
            violations=[FieldViolation("page_token", "is not a token of this request", "PAGE_TOKEN_INVALID")],
        )
    return payload


def _start(shown: Sequence[Segment], served: bytes) -> int:
    count = int.from_bytes(served[:_COUNT_BYTES])
    if count > len(shown) or _keys(shown[:count]) != served[_COUNT_BYTES:]:
        raise DirectFlowError(
            StatusCode.ABORTED,
            "PAGE_ORDER_CHANGED",
            "The segments listed before are no longer in the same order; list them from the start.",
        )
    return count


def _keys(segments: Sequence[Segment]) -> bytes:
    return fingerprint(*(segment.key.encode() for segment in segments))
