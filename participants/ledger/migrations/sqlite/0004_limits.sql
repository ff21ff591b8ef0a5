-- What each account has spent of its limit, by window. Written only where the bank has a limit.

CREATE TABLE spending (
    account TEXT    NOT NULL REFERENCES accounts (account),
    starts  INTEGER NOT NULL,  -- of the window, microseconds since 1970
    ends    INTEGER NOT NULL,
    amount  INTEGER NOT NULL CHECK (amount >= 0),
    PRIMARY KEY (account, starts, ends)
) STRICT, WITHOUT ROWID;

-- Which step runs that sum is of. Their keys let each count once, and an undo gives back what its step
-- took, in the window where it took it.
CREATE TABLE spent (
    saga    TEXT    NOT NULL,
    step    TEXT    NOT NULL,
    account TEXT    NOT NULL,
    starts  INTEGER NOT NULL,
    ends    INTEGER NOT NULL,
    amount  INTEGER NOT NULL CHECK (amount >= 1),
    PRIMARY KEY (saga, step),
    FOREIGN KEY (account, starts, ends) REFERENCES spending (account, starts, ends)
) STRICT, WITHOUT ROWID;
