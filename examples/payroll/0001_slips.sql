-- Who is paid here, what each may spend, and the slips that say why.
CREATE TABLE payees (payee TEXT PRIMARY KEY, cents INTEGER NOT NULL DEFAULT 0, gone INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;
CREATE TABLE slips (
    slip    INTEGER PRIMARY KEY,
    payroll TEXT    NOT NULL,            -- the saga
    payee   TEXT    NOT NULL REFERENCES payees (payee),
    cents   INTEGER NOT NULL,
    paid    INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX slips_of ON slips (payroll);
WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999) INSERT INTO payees (payee) SELECT 'p-' || i FROM n;
INSERT INTO payees (payee, gone) VALUES ('left', 1);
