-- The barrier on Postgres: see inbox.sql, which says what the columns are. It is one statement, harmless
-- when run again. The commit number is the transaction's own, so there is no table for it.
CREATE TABLE IF NOT EXISTS inbox (
    saga          TEXT   COLLATE "C" NOT NULL,
    step          TEXT   COLLATE "C" NOT NULL,
    origin        TEXT   NOT NULL,
    state         TEXT   NOT NULL CHECK (state IN ('succeeded', 'rejected', 'fenced', 'undone', 'closed')),
    forward_hash  BYTEA,
    backward_hash BYTEA,
    outcome       TEXT   CHECK (outcome IN ('succeeded', 'rejected')),
    code          TEXT   NOT NULL,
    message       TEXT   NOT NULL,
    result        TEXT   NOT NULL,
    undo_result   TEXT,
    commit_number BIGINT NOT NULL,
    PRIMARY KEY (saga, step),
    CHECK (outcome IS NOT NULL OR state NOT IN ('succeeded', 'rejected')),
    CHECK (state <> 'undone' OR undo_result IS NOT NULL)
)
