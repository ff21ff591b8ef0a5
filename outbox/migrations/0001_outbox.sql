-- What the database knows about itself.
CREATE TABLE meta (
    key   TEXT PRIMARY KEY, -- 'store_id', 'boot'
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Messages that are sent until their owner deletes them.
CREATE TABLE outbox (
    key        TEXT PRIMARY KEY,  -- what the message is about, e.g. one operation
    seq        INTEGER NOT NULL,  -- order of the first Put; grows over restarts, with gaps
    subject    TEXT NOT NULL,     -- frozen
    header     TEXT NOT NULL,     -- frozen; one line "Name: value" each
    body       BLOB NOT NULL,     -- frozen
    attempt    INTEGER NOT NULL,  -- of the owner, 1, 2, ...
    not_before INTEGER NOT NULL,  -- Unix nanoseconds; 0: at once
    timeout    INTEGER NOT NULL   -- nanoseconds from the broker's ack to the owner's notice; 0: never
) STRICT, WITHOUT ROWID;
