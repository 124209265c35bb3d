"""A put and a delete: one transaction of two statements, and one round trip.

The first statement waits for the counter's row. Only then does the second begin, so it sees everything that was ever
committed, and nobody else saves or deletes until it has: what it decides cannot be overtaken.
"""

import hashlib
from dataclasses import dataclass

from psycopg.pq.abc import PGresult

from directflow_gateway.engagement.arrays import text_array
from directflow_gateway.execution.wire import Statement

LOCK = Statement(
    # Everybody who saves waits for this row: a gateway that stops halfway must not hold it for long.
    "SELECT revision, pg_catalog.set_config('idle_in_transaction_session_timeout', '5s', true)"
    " FROM directflow.definition_counter FOR UPDATE"
)

FOUND = """
WITH earlier AS (
    SELECT revision, save_time FROM directflow.definition_requests
    WHERE workspace = $1::text AND identity = $4::text AND name = $3::text AND request_id = $5::text
), newest AS (
    SELECT etag FROM directflow.definition_documents WHERE workspace = $1::text AND name = $3::text AND NOT deleted
)"""

SAVED = """
, counted AS (
    UPDATE directflow.definition_counter c SET revision = c.revision + 1 FROM verdict WHERE verdict.said = 'SAVED'
    RETURNING c.revision, pg_catalog.clock_timestamp() AS save_time
), saved AS (
    INSERT INTO directflow.definition_revisions
        (revision, workspace, collection, name, etag, body, content_type, uses, statements, author, save_time, deleted)
    SELECT revision, $1::text, $2::text, $3::text, revision || '-' || $7::text, {content}, $8::text, save_time,
           {deleted}
    FROM counted
), newest_now AS (
    INSERT INTO directflow.definition_documents (workspace, name, collection, revision, etag, deleted)
    SELECT $1::text, $3::text, $2::text, revision, revision || '-' || $7::text, {deleted} FROM counted
    ON CONFLICT (workspace, name) DO UPDATE
    SET revision = excluded.revision, etag = excluded.etag, deleted = excluded.deleted
), remembered AS (
    INSERT INTO directflow.definition_requests (workspace, identity, name, request_id, revision, save_time)
    SELECT $1::text, $4::text, $3::text, $5::text, revision, save_time FROM counted
), released AS (
    DELETE FROM directflow.definition_references
    WHERE workspace = $1::text AND name = $3::text AND {released} AND EXISTS (SELECT FROM counted)
)"""

TOLD = """
SELECT verdict.said, coalesce(counted.revision, earlier.revision),
       (extract(epoch FROM coalesce(counted.save_time, earlier.save_time)) * 1000000)::bigint,
       {names}, {count}
FROM verdict LEFT JOIN counted ON true LEFT JOIN earlier ON true"""

PUT_DECIDES = """
, missing AS (
    SELECT wanted FROM unnest($13::text[]) AS wanted
    WHERE NOT EXISTS (SELECT FROM directflow.definition_documents d
                      WHERE d.workspace = $1::text AND d.name = wanted AND NOT d.deleted)
), verdict AS MATERIALIZED (
    SELECT CASE
        WHEN EXISTS (SELECT FROM earlier) THEN 'REPLAYED'
        WHEN $6::text = '' AND EXISTS (SELECT FROM newest) THEN 'ALREADY_EXISTS'
        WHEN $6::text <> '' AND NOT EXISTS (SELECT FROM newest WHERE etag = $6::text) THEN 'ETAG_MISMATCH'
        WHEN EXISTS (SELECT FROM missing) THEN 'REFERENCE_NOT_FOUND'
        WHEN $6::text = '' AND $14::bigint <= (
            SELECT count(*) FROM directflow.definition_documents d
            WHERE d.workspace = $1::text AND d.collection = $2::text AND NOT d.deleted) THEN 'TOO_MANY'
        ELSE 'SAVED' END AS said
)"""

PUT_USES = """
, used AS (
    INSERT INTO directflow.definition_references (workspace, name, target)
    SELECT $1::text, $3::text, target FROM counted, unnest($11::text[]) AS target
    ON CONFLICT DO NOTHING
)"""

DELETE_DECIDES = """
, users AS (
    SELECT name FROM directflow.definition_references
    WHERE workspace = $1::text AND target = $3::text AND name <> $3::text
), verdict AS MATERIALIZED (
    SELECT CASE
        WHEN EXISTS (SELECT FROM earlier) THEN 'REPLAYED'
        WHEN NOT EXISTS (SELECT FROM newest) THEN 'DOCUMENT_NOT_FOUND'
        WHEN $6::text <> '' AND NOT EXISTS (SELECT FROM newest WHERE etag = $6::text) THEN 'ETAG_MISMATCH'
        WHEN EXISTS (SELECT FROM users) THEN 'RESOURCE_IN_USE'
        ELSE 'SAVED' END AS said
)"""

DOCUMENT = {
    "content": "$9::bytea, $10::text, $11::text[], $12::bytea[]",
    "deleted": "false",
    "released": "target <> ALL ($11::text[])",
}
TOMBSTONE = {"content": "'', '', '{}', '{}'", "deleted": "true", "released": "true"}
MISSING = {
    "names": "pg_catalog.array_to_string(ARRAY(SELECT wanted FROM missing ORDER BY wanted LIMIT 20), ' ')",
    "count": "(SELECT count(*) FROM missing)",
}
USERS = {
    "names": "pg_catalog.array_to_string(ARRAY(SELECT name FROM users ORDER BY name LIMIT 20), ' ')",
    "count": "(SELECT count(*) FROM users)",
}
PUT = "".join((FOUND, PUT_DECIDES, SAVED.format(**DOCUMENT), PUT_USES, TOLD.format(**MISSING)))
DELETE = "".join((FOUND, DELETE_DECIDES, SAVED.format(**TOMBSTONE), TOLD.format(**USERS)))


@dataclass(frozen=True, slots=True)
class Request:
    """Who saves what, and what he has seen."""

    workspace: str
    collection: str
    name: str
    identity: str
    """Of the caller; request ids are his own."""
    request_id: str
    etag: str
    author: str

    def parameters(self, digest: str) -> tuple[str, ...]:
        """The first eight of both statements."""
        who = (self.workspace, self.collection, self.name, self.identity, self.request_id)
        return (*who, self.etag, digest, self.author)


@dataclass(frozen=True, slots=True)
class Content:
    """What a put saves."""

    body: bytes
    content_type: str
    references: tuple[str, ...]
    statements: tuple[bytes, ...]
    checked: tuple[str, ...]
    """Those of the references that must be documents."""

    def parameters(self) -> tuple[str, ...]:
        """The five behind those of the request."""
        statements = text_array([_bytea(statement) for statement in self.statements])
        texts = (self.content_type, text_array(self.references), statements, text_array(self.checked))
        return (_bytea(self.body), *texts)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of it."""

    said: str
    """"SAVED", "REPLAYED", or the reason why not."""
    revision: int
    save_time_us: int
    names: tuple[str, ...]
    """Of missing references or of users, the first of `count`."""
    count: int


def put(request: Request, content: Content, limit: int) -> tuple[Statement, Statement]:
    """The statements of a put; `limit` is how many documents the collection may have in the workspace."""
    values = (*request.parameters(digest_of(content.body)), *content.parameters(), str(limit))
    return LOCK, Statement(PUT, values)


def delete(request: Request) -> tuple[Statement, Statement]:
    """The statements of a delete."""
    return LOCK, Statement(DELETE, request.parameters("deleted"))


def verdict_of(result: PGresult) -> Verdict:
    """The answer of the second statement."""
    said, revision, save_time_us, names, count = ((result.get_value(0, column) or b"").decode() for column in range(5))
    return Verdict(said, int(revision or 0), int(save_time_us or 0), tuple(names.split()), int(count))


def digest_of(body: bytes) -> str:
    """The part of an etag that tells bodies apart."""
    return hashlib.blake2b(body, digest_size=8).hexdigest()


def _bytea(value: bytes) -> str:
    return "\\x" + value.hex()
