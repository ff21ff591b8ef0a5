-- What may still be lent, and to whom the rest was.
CREATE TABLE fund (cents INTEGER NOT NULL CHECK (cents >= 0)) STRICT;
CREATE TABLE loans (
    number   INTEGER PRIMARY KEY,
    customer TEXT    NOT NULL,
    cents    INTEGER NOT NULL,
    approved TEXT,                                             -- by whom
    state    TEXT    NOT NULL CHECK (state IN ('open', 'active', 'void'))
) STRICT;
INSERT INTO fund (cents) VALUES (1000000);
