-- What a bank keeps on Postgres: the tables of migrations/sqlite, which say what the columns are for.
-- Texts are compared byte by byte, as in SQLite.

CREATE TABLE accounts (
    account  TEXT     COLLATE "C" NOT NULL PRIMARY KEY CHECK (length(account) BETWEEN 1 AND 64),
    currency TEXT     COLLATE "C" NOT NULL CHECK (currency ~ '^[A-Z][A-Z][A-Z]$'),
    balance  BIGINT   NOT NULL CHECK (balance >= 0),
    held     BIGINT   NOT NULL DEFAULT 0 CHECK (held >= 0 AND held <= balance),
    version  BIGINT   NOT NULL DEFAULT 0 CHECK (version >= 0),
    closed   SMALLINT NOT NULL DEFAULT 0 CHECK (closed IN (0, 1))
) WITH (fillfactor = 70);  -- room for the next version of a row beside it

CREATE TABLE entries (
    saga     TEXT   COLLATE "C" NOT NULL,
    step     TEXT   COLLATE "C" NOT NULL,
    kind     TEXT   COLLATE "C" NOT NULL CHECK (kind IN ('opening', 'debit', 'credit', 'refund', 'uncredit')),
    account  TEXT   COLLATE "C" NOT NULL REFERENCES accounts (account),
    amount   BIGINT NOT NULL CHECK (amount BETWEEN 1 AND 9007199254740991),
    balance  BIGINT NOT NULL CHECK (balance >= 0),
    version  BIGINT NOT NULL CHECK (version >= 1),
    reverses TEXT   COLLATE "C" CHECK (reverses IS NOT DISTINCT FROM CASE kind WHEN 'refund' THEN 'debit' WHEN 'uncredit' THEN 'credit' END),
    posted   BIGINT NOT NULL,
    change   BIGINT NOT NULL GENERATED ALWAYS AS (CASE WHEN kind IN ('debit', 'uncredit') THEN -amount ELSE amount END) STORED,
    contra   TEXT   COLLATE "C" NOT NULL GENERATED ALWAYS AS (CASE kind WHEN 'opening' THEN 'opening' ELSE 'clearing' END) STORED,
    PRIMARY KEY (saga, step, kind),
    FOREIGN KEY (saga, step, reverses) REFERENCES entries (saga, step, kind)
);

-- Two entries that say the same of their place in an account's history contradict each other. In SQLite
-- there is one writer; here the index says so too.
CREATE UNIQUE INDEX entries_in_order ON entries (account, version);

CREATE VIEW contra_accounts AS
    SELECT e.contra, a.currency, -sum(e.change)::BIGINT AS balance
    FROM entries e JOIN accounts a USING (account)
    GROUP BY e.contra, a.currency;

CREATE VIEW trial_balance AS
    SELECT currency, sum(balance)::BIGINT AS difference
    FROM (SELECT currency, balance FROM accounts UNION ALL SELECT currency, balance FROM contra_accounts) both_sides
    GROUP BY currency;
