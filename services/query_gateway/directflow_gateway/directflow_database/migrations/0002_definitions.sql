-- Definitions: documents with every revision kept, in the order in which they were committed.

-- One row. Whoever saves locks it first and holds it until his commit: so no revision becomes visible behind a later one,
-- which with a sequence would be lost to everybody who has read on already.
CREATE TABLE directflow.definition_counter (
    is_the_only_row boolean PRIMARY KEY DEFAULT true CHECK (is_the_only_row),
    revision        bigint NOT NULL
);
INSERT INTO directflow.definition_counter (revision) VALUES (0);

-- What was saved; a row is never changed. Body and lists are empty where it is a deletion.
CREATE TABLE directflow.definition_revisions (
    revision     bigint PRIMARY KEY,
    workspace    text COLLATE "C" NOT NULL CHECK (workspace <> ''),
    collection   text COLLATE "C" NOT NULL,
    name         text COLLATE "C" NOT NULL
                 CHECK (pg_catalog.starts_with(name, 'workspaces/' || workspace || '/' || collection || '/')),
    etag         text COLLATE "C" NOT NULL,
    body         bytea NOT NULL CHECK (pg_catalog.octet_length(body) <= 1048576),
    content_type text COLLATE "C" NOT NULL,
    uses         text[] COLLATE "C" NOT NULL,       -- names of documents
    statements   bytea[] NOT NULL,                  -- digests
    author       text COLLATE "C" NOT NULL,
    save_time    timestamptz NOT NULL,
    deleted      boolean NOT NULL
);
CREATE INDEX definition_revisions_of_one ON directflow.definition_revisions (workspace, name, revision);
CREATE INDEX definition_revisions_by_collection ON directflow.definition_revisions (collection, revision);

-- The newest revision of each document, deletions too.
CREATE TABLE directflow.definition_documents (
    workspace  text COLLATE "C" NOT NULL CHECK (workspace <> ''),
    name       text COLLATE "C" NOT NULL CHECK (pg_catalog.starts_with(name, 'workspaces/' || workspace || '/')),
    collection text COLLATE "C" NOT NULL,
    revision   bigint NOT NULL,
    etag       text COLLATE "C" NOT NULL,
    deleted    boolean NOT NULL,
    PRIMARY KEY (workspace, name)
);
CREATE INDEX definition_documents_by_name ON directflow.definition_documents (collection, name) WHERE NOT deleted;

-- What the newest revisions use; none of a deletion's. `target` may stand in a gateway's settings, so it is no foreign key.
CREATE TABLE directflow.definition_references (
    workspace text COLLATE "C" NOT NULL CHECK (workspace <> ''),
    name      text COLLATE "C" NOT NULL,
    target    text COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace, name, target)
);
CREATE INDEX definition_references_by_target ON directflow.definition_references (workspace, target);

-- Saves that are known: one that is sent again, by a client or by us after a lost connection, gets the first one's result.
CREATE TABLE directflow.definition_requests (
    workspace  text COLLATE "C" NOT NULL CHECK (workspace <> ''),
    identity   text COLLATE "C" NOT NULL,           -- of the caller: nobody can find out about another's
    name       text COLLATE "C" NOT NULL,
    request_id text COLLATE "C" NOT NULL,
    revision   bigint NOT NULL,
    save_time  timestamptz NOT NULL,
    PRIMARY KEY (workspace, identity, name, request_id)
);
CREATE INDEX definition_requests_by_time ON directflow.definition_requests (save_time);

-- A transaction sees the workspace that it has set, and without a setting nothing; the owner too (FORCE).
ALTER TABLE directflow.definition_revisions ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE directflow.definition_documents ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE directflow.definition_references ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE directflow.definition_requests ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY by_workspace ON directflow.definition_revisions
    USING (workspace = pg_catalog.current_setting('directflow.workspace', true));
CREATE POLICY by_workspace ON directflow.definition_documents
    USING (workspace = pg_catalog.current_setting('directflow.workspace', true));
CREATE POLICY by_workspace ON directflow.definition_references
    USING (workspace = pg_catalog.current_setting('directflow.workspace', true));
CREATE POLICY by_workspace ON directflow.definition_requests
    USING (workspace = pg_catalog.current_setting('directflow.workspace', true));

-- A watch and a list over several workspaces read those that they have set, `*` being all, and only in a transaction that
-- cannot write: no save can see or touch another workspace, whatever it sets.
CREATE POLICY watched ON directflow.definition_revisions FOR SELECT USING (
    pg_catalog.current_setting('transaction_read_only') = 'on'
    AND (pg_catalog.current_setting('directflow.watched_workspaces', true) = '*'
         OR workspace = ANY (pg_catalog.string_to_array(
             pg_catalog.current_setting('directflow.watched_workspaces', true), ','))));
CREATE POLICY watched ON directflow.definition_documents FOR SELECT USING (
    pg_catalog.current_setting('transaction_read_only') = 'on'
    AND (pg_catalog.current_setting('directflow.watched_workspaces', true) = '*'
         OR workspace = ANY (pg_catalog.string_to_array(
             pg_catalog.current_setting('directflow.watched_workspaces', true), ','))));

-- Upkeep forgets old requests of every workspace.
CREATE POLICY expiry_sees ON directflow.definition_requests FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY expiry_deletes ON directflow.definition_requests FOR DELETE TO CURRENT_USER USING (true);
