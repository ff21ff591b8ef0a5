CREATE TABLE holds (
    saga      TEXT   COLLATE "C" NOT NULL,
    step      TEXT   COLLATE "C" NOT NULL,
    direction TEXT   COLLATE "C" NOT NULL CHECK (direction IN ('out', 'in')),
    account   TEXT   COLLATE "C" NOT NULL REFERENCES accounts (account),
    amount    BIGINT NOT NULL CHECK (amount BETWEEN 1 AND 9007199254740991),
    state     TEXT   COLLATE "C" NOT NULL CHECK (state IN ('held', 'captured', 'released', 'expired')),
    confirm   TEXT   COLLATE "C",
    effect    TEXT   COLLATE "C" GENERATED ALWAYS AS (CASE direction WHEN 'out' THEN 'debit' ELSE 'credit' END) STORED,
    expires   BIGINT,
    expiry    TEXT   COLLATE "C" CHECK (expiry IN ('release', 'alert')),
    placed    BIGINT NOT NULL,
    settled   BIGINT,
    PRIMARY KEY (saga, step),
    FOREIGN KEY (saga, confirm, effect) REFERENCES entries (saga, step, kind) DEFERRABLE INITIALLY DEFERRED,
    CHECK ((expires IS NULL) = (expiry IS NULL)),
    CHECK ((state = 'held') = (settled IS NULL)),
    CHECK ((state = 'captured') = (confirm IS NOT NULL)),
    CHECK (state <> 'expired' OR expiry IS NOT DISTINCT FROM 'release')
);

CREATE INDEX holds_overdue ON holds (expiry, expires) WHERE state = 'held' AND expiry IS NOT NULL;
