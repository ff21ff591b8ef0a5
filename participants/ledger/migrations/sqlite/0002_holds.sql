-- Money that sagas have promised and not moved yet. A hold is placed by a try and ends once: by its
-- confirm, which moves the money, or by its undo or its expiry, which move nothing. Rows are never
-- deleted: they are what a late confirm or undo is answered from.
CREATE TABLE holds (
    saga      TEXT    NOT NULL,
    step      TEXT    NOT NULL,  -- the try's step run
    direction TEXT    NOT NULL CHECK (direction IN ('out', 'in')),  -- out: in the account's held, so in its balance; in: in neither
    account   TEXT    NOT NULL REFERENCES accounts (account),
    amount    INTEGER NOT NULL CHECK (amount BETWEEN 1 AND 9007199254740991),
    state     TEXT    NOT NULL CHECK (state IN ('held', 'captured') OR state IN ('released', 'expired')),
    confirm   TEXT,              -- the step run that captured it, and posted its entry
    effect    TEXT    AS (CASE direction WHEN 'out' THEN 'debit' ELSE 'credit' END) VIRTUAL,  -- that entry's kind
    expires   INTEGER,           -- when it is overdue, microseconds since 1970; NULL: never
    expiry    TEXT    CHECK (expiry IN ('release', 'alert')),  -- what is done then
    placed    INTEGER NOT NULL,  -- microseconds since 1970, the bank's clock
    settled   INTEGER,           -- the same, when it ended; NULL while it is held
    PRIMARY KEY (saga, step),
    -- Deferred: the state changes first, because it decides whether the money may move at all.
    FOREIGN KEY (saga, confirm, effect) REFERENCES entries (saga, step, kind) DEFERRABLE INITIALLY DEFERRED,
    CHECK ((expires IS NULL) = (expiry IS NULL)),
    CHECK ((state = 'held') = (settled IS NULL)),
    CHECK ((state = 'captured') = (confirm IS NOT NULL)),
    CHECK (state <> 'expired' OR expiry IS 'release')  -- what must stay is never released by the clock
) STRICT, WITHOUT ROWID;

-- The overdue ones are looked for every second: past holds must cost nothing.
CREATE INDEX holds_overdue ON holds (expiry, expires) WHERE state = 'held' AND expiry IS NOT NULL;
