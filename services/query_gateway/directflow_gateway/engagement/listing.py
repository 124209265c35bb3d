"""The events of one person, newest first, page after page.

A page goes on behind the last event of the one before, by time and identity: what is recorded meanwhile shifts nothing.
"""

import base64
import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from directflow_runtime.errors import DirectFlowError, FieldViolation, StatusCode
from psycopg.pq.abc import PGresult

from directflow_gateway.directflow_database import DirectFlowDatabase, Transaction
from directflow_gateway.engagement.arrays import plain_array
from directflow_gateway.engagement.events import TYPES, Event
from directflow_gateway.engagement.instants import FIRST_US, LAST_US, as_text
from directflow_gateway.execution.wire import Statement

DEFAULT_PAGE = 100
LARGEST_PAGE = 1_000
DIGEST_BYTES = 8
POSITION = struct.Struct(">q16s")

LIST = """
SELECT e.event_id, e.type, e.profile_id, e.channel, e.message_id, e.campaign_id, e.flow_id, e.flow_run_id, e.link_id,
       e.machine_open::int, coalesce(e.bounce_kind, 0), (extract(epoch FROM e.occurred_at) * 1000000)::bigint,
       e.identity
FROM unnest($6::smallint[]) AS types (type) CROSS JOIN LATERAL (
    SELECT * FROM directflow.engagement_events
    WHERE workspace = $1::text AND profile_id = $2::text AND type = types.type
        AND occurred_at <= $3::timestamptz AND (occurred_at, identity) < ($3::timestamptz, $4::uuid)
    ORDER BY occurred_at DESC, identity DESC
    LIMIT $5::int
) AS e
ORDER BY e.occurred_at DESC, e.identity DESC
LIMIT $5::int"""
"""A page of each type by the one index, and the newest of these: however much a person did, no more is read."""
ALL_TYPES = plain_array(sorted(TYPES))
NUMBERS = frozenset({1, 9, 10, 11})
"""Columns that hold whole numbers."""


@dataclass(frozen=True, slots=True)
class Position:
    """Of an event among a person's; a page begins behind it."""

    occurred_us: int
    identity: UUID


NEWEST = Position(LAST_US, UUID(int=2**128 - 1))


@dataclass(frozen=True, slots=True)
class Page:
    """Some events, newest first."""

    events: Sequence[Event] = field(repr=False)
    next_token: str
    """Empty on the last page."""


async def list_events(
    database: DirectFlowDatabase, transaction: Transaction, profile_id: str, size: int, token: str
) -> Page:
    """One page. Raises INVALID_REQUEST for a token of another request, and what `run` raises."""
    workspace = transaction.workspace
    after = opened(token, workspace, profile_id) if token else NEWEST
    values = (workspace, profile_id, as_text(after.occurred_us), str(after.identity), str(size + 1), ALL_TYPES)
    (result,) = await database.run(transaction, Statement(LIST, values))
    events = [_event(result, row) for row in range(min(size, result.ntuples))]
    if result.ntuples <= size:
        return Page(events, "")
    last = UUID((result.get_value(size - 1, 12) or b"").decode())
    return Page(events, sealed(Position(events[-1].occurred_us, last), workspace, profile_id))


def sealed(position: Position, workspace: str, profile_id: str) -> str:
    """A token that only the same workspace and person can go on with. It holds a time and a digest, and no secret."""
    payload = POSITION.pack(position.occurred_us, position.identity.bytes)
    return base64.urlsafe_b64encode(_digest(payload, workspace, profile_id) + payload).decode()


def opened(token: str, workspace: str, profile_id: str) -> Position:
    """Where a page begins. Raises INVALID_REQUEST for what is no token of this request."""
    try:
        raw = base64.b64decode(token, altchars=b"-_", validate=True)
        digest, payload = raw[:DIGEST_BYTES], raw[DIGEST_BYTES:]
        occurred_us, identity = POSITION.unpack(payload)
    except (ValueError, struct.error):
        raise _no_token() from None
    if digest != _digest(payload, workspace, profile_id) or not FIRST_US <= occurred_us <= LAST_US:
        raise _no_token()
    return Position(occurred_us, UUID(bytes=identity))


def _digest(payload: bytes, workspace: str, profile_id: str) -> bytes:
    asked = b"\0".join((workspace.encode(), profile_id.encode(), payload))
    return hashlib.sha256(asked).digest()[:DIGEST_BYTES]


def _event(result: PGresult, row: int) -> Event:
    cells = [(result.get_value(row, column) or b"").decode() for column in range(12)]
    return Event._make(int(cell) if column in NUMBERS else cell for column, cell in enumerate(cells))


def _no_token() -> DirectFlowError:
    return DirectFlowError(
        StatusCode.INVALID_ARGUMENT,
        "INVALID_REQUEST",
        "page_token: not a token of this request",
        violations=[FieldViolation("page_token", "is not a token of this request", "PAGE_TOKEN_INVALID")],
    )
