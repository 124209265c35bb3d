"""Documents as they are read: one, its revisions, a list by name, and what a watch tells."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from directflow_runtime.definitions.document import Document
from psycopg.pq.abc import PGresult

from directflow_gateway.execution.wire import Statement

PAGE_BYTES: Final = 1_048_576
"""Of bodies: a page has at least one document, and otherwise not more than this. It is what a slow watcher holds."""
PAGE_ROWS: Final = 200
STATEMENT_ROWS: Final = 1_000

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_HEAD = "r.name, r.revision, r.etag, r.deleted"
_SAVED = "r.author, (extract(epoch FROM r.save_time) * 1000000)::bigint"
_STATEMENTS = (
    "pg_catalog.array_to_string(ARRAY(SELECT pg_catalog.encode(one, 'hex') FROM unnest(r.statements)"
    " WITH ORDINALITY AS all_of_them (one, place) ORDER BY place), ' ')"
)
_CONTENT = "pg_catalog.array_to_string(r.uses, ' '), r.content_type, pg_catalog.encode(r.body, 'hex')"
_WHOLE = f"{_HEAD}, {_SAVED}, {_STATEMENTS}, {_CONTENT}"
_WITHOUT_BODY = f"{_HEAD}, {_SAVED}, {_STATEMENTS}"

_NOT_OVERTAKEN = """NOT EXISTS (
    SELECT FROM directflow.definition_revisions later
    WHERE later.workspace = r.workspace AND later.name = r.name AND later.revision > r.revision
          AND later.revision <= $3::bigint{further})"""

ONE = f"""
SELECT {_WHOLE} FROM directflow.definition_revisions r
WHERE r.workspace = $1::text AND r.name = $2::text AND ($3::bigint = 0 OR r.revision = $3::bigint)
ORDER BY r.revision DESC LIMIT 1"""  # noqa: S608


def _bounded(source: str, order: str, rows: str, own_order: str = "") -> str:
    """A page of what `source` gives, cut where the bodies become too much. Sizes are known without reading bodies.

    One row more than asked is looked for, and the last column says how many were found: so whether there are more.
    """
    return f"""
SELECT {_WHOLE}, r.found FROM (
    SELECT page.*, pg_catalog.sum(pg_catalog.octet_length(page.body)) OVER listed AS bytes,
           pg_catalog.row_number() OVER listed AS place, pg_catalog.count(*) OVER () AS found
    FROM ({source} ORDER BY {own_order or order} LIMIT {rows} + 1) page
    WINDOW listed AS (ORDER BY {order.replace("r.", "page.")} ROWS UNBOUNDED PRECEDING)
) r WHERE r.place = 1 OR r.place <= {rows} AND r.bytes <= {PAGE_BYTES} ORDER BY {order}"""  # noqa: S608


REVISIONS = _bounded(
    "SELECT r.* FROM directflow.definition_revisions r"
    " WHERE r.workspace = $1::text AND r.name = $2::text AND r.revision < $3::bigint",
    "r.revision DESC",
    "$4::bigint",
)

LIST = _bounded(
    "SELECT r.* FROM directflow.definition_documents d JOIN directflow.definition_revisions r USING (revision)"
    " WHERE d.collection = $1::text AND NOT d.deleted AND d.name > $2::text AND d.name < $3::text",
    "r.name",
    "$4::bigint",
    "d.name",
)

_CHANGED = (
    "SELECT r.* FROM directflow.definition_revisions r"
    " WHERE r.collection = $1::text AND r.revision > $2::bigint AND r.revision <= $3::bigint"
)
CHANGES = _bounded(_CHANGED, "r.revision", str(PAGE_ROWS))

SNAPSHOT = _bounded(
    " AND ".join((_CHANGED, "NOT r.deleted", _NOT_OVERTAKEN.format(further=""))), "r.revision", str(PAGE_ROWS)
)

STATEMENT_CHANGES = f"""
SELECT {_WITHOUT_BODY} FROM directflow.definition_revisions r
WHERE r.revision > $2::bigint AND r.revision <= $3::bigint AND $1::text = $1::text
ORDER BY r.revision LIMIT {STATEMENT_ROWS}"""  # noqa: S608

STATEMENT_SNAPSHOT = f"""
SELECT {_WITHOUT_BODY} FROM directflow.definition_revisions r
WHERE r.revision > $2::bigint AND r.revision <= $3::bigint
      AND (NOT r.deleted OR r.save_time > pg_catalog.now() - $1::interval)
      AND {_NOT_OVERTAKEN.format(further=" AND later.save_time <= pg_catalog.now() - $1::interval")}
ORDER BY r.revision LIMIT {STATEMENT_ROWS}"""  # noqa: S608
"""Those that were overtaken, or deleted, less than $1 ago too: their statements run on for as long."""

COUNTER: Final = Statement("SELECT revision FROM directflow.definition_counter")


def watched(workspaces: Sequence[str]) -> Statement:
    """The workspaces that the transaction reads; `*` is all. See the policies of the migration."""
    listed = "*" if "*" in workspaces else ",".join(workspaces)
    return Statement("SELECT pg_catalog.set_config('directflow.watched_workspaces', $1, true)", (listed,))


def one_of(result: PGresult) -> Document | None:
    """The answer of ONE."""
    return _document(result, 0) if result.ntuples else None


def page_of(result: PGresult) -> tuple[list[Document], bool]:
    """The answer of a page, and whether there are more behind it."""
    documents = [_document(result, row) for row in range(result.ntuples)]
    return documents, bool(documents) and int(result.get_value(0, result.nfields - 1) or 0) > len(documents)


def statements_of(result: PGresult) -> tuple[list[Document], bool]:
    """The answer of a page without bodies, and whether there may be more behind it."""
    return [_document(result, row) for row in range(result.ntuples)], result.ntuples == STATEMENT_ROWS


def time_of(us: int) -> datetime:
    """Microseconds since 1970 as a time in UTC; exact, which a float would not be."""
    return _EPOCH + timedelta(microseconds=us)


def _document(result: PGresult, row: int) -> Document:
    cells = [(result.get_value(row, column) or b"").decode() for column in range(result.nfields)]
    name, revision, etag, deleted, author, saved_us, statements, *content = cells
    uses, content_type, body = content[:3] or ("", "", "")
    return Document(
        name,
        bytes.fromhex(body),
        content_type,
        etag,
        int(revision),
        tuple(uses.split()),
        tuple(bytes.fromhex(one) for one in statements.split()),
        author,
        time_of(int(saved_us)),
        deleted == "t",
    )
