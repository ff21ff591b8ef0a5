-- A small bank. A frozen account pays out what is left on it, all at once, and does nothing else.
CREATE TABLE accounts (
    account TEXT    PRIMARY KEY,
    balance INTEGER NOT NULL CHECK (balance >= 0),
    state   TEXT    NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'frozen', 'closed'))
) STRICT;
INSERT INTO accounts (account, balance) VALUES ('ada', 12345), ('bob', 0), ('eve', 500);
