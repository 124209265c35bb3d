"""The ledger of an audience, for people and for programs."""

from typing import Any, Final

from directflow.segments.v1 import audience_service_pb2 as wire

LINES: Final = {
    "delivered": "delivered",
    "null_keys": "no profile_id",
    "no_contact": "no contact point",
    "invalid_contact": "no valid contact point",
    "duplicates": "further rows of the delivered",
}
COLUMNS: Final = ("where every row went", "people", "rows")


def ledger_rows(ledger: wire.Ledger) -> list[tuple[str, int | str, int]]:
    """The ledger as a table; its last line is the sum, which is the number of rows that were read."""
    entries = [(label, getattr(ledger, name)) for name, label in LINES.items()]
    rows: list[tuple[str, int | str, int]] = [(label, entry.people, entry.rows) for label, entry in entries]
    return [*rows, ("rows read", "", ledger.rows_read)]


def ledger_record(ledger: wire.Ledger) -> dict[str, Any]:
    """The ledger as JSON, by the names of the API."""
    lines = {name: getattr(ledger, name) for name in LINES}
    return {
        "rows_read": ledger.rows_read,
        **{name: {"people": line.people, "rows": line.rows} for name, line in lines.items()},
        "contact_points_left_out": ledger.contact_points_left_out,
    }


def source_records(sources: Any) -> list[dict[str, Any]]:
    """Where each variable's value came from."""
    return [
        {"name": item.name, "rule": item.rule, "column": item.column or None, "warning": item.warning or None}
        for item in sources
    ]
