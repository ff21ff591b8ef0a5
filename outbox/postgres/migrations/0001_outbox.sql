-- What the database knows about itself.
CREATE TABLE meta (
    key   TEXT PRIMARY KEY, -- 'store_id', 'boot'
    value TEXT NOT NULL
);

-- One row a writing connection. Each transaction writes its number here first. A transaction of an
-- owner that was succeeded finds no row of its boot, so it cannot go on; and whether a commit whose
-- answer was lost took place is read from its number. One row each, so that writers do not wait for
-- one another.
CREATE TABLE writers (
    writer INTEGER PRIMARY KEY, -- 1, 2, ...
    boot   BIGINT NOT NULL,     -- of the owner that may write
    number BIGINT NOT NULL      -- of the last transaction
) WITH (fillfactor = 10);

-- Numbers the transactions. They grow, with gaps; if they ever go back, this database was replaced by
-- an older copy.
CREATE SEQUENCE commits;

-- Messages that are sent until their owner deletes them.
CREATE TABLE outbox (
    key        TEXT PRIMARY KEY,  -- what the message is about, e.g. one operation
    seq        BIGINT NOT NULL,   -- order of the first Put; grows over restarts, with gaps
    subject    TEXT NOT NULL,     -- frozen
    header     TEXT NOT NULL,     -- frozen; one line "Name: value" each
    body       BYTEA NOT NULL,    -- frozen
    attempt    BIGINT NOT NULL,   -- of the owner, 1, 2, ...
    not_before BIGINT NOT NULL,   -- Unix nanoseconds; 0: at once
    timeout    BIGINT NOT NULL    -- nanoseconds from the broker's ack to the owner's notice; 0: never
);
