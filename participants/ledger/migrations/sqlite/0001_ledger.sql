-- What a bank keeps: accounts, and the entries that moved them. Amounts are minor units.

CREATE TABLE accounts (
    account  TEXT    NOT NULL PRIMARY KEY CHECK (length(account) BETWEEN 1 AND 64),
    currency TEXT    NOT NULL CHECK (currency GLOB '[A-Z][A-Z][A-Z]'),
    balance  INTEGER NOT NULL CHECK (balance >= 0),
    held     INTEGER NOT NULL DEFAULT 0 CHECK (held BETWEEN 0 AND balance),  -- the part of balance that is promised and cannot be spent
    version  INTEGER NOT NULL DEFAULT 0 CHECK (version >= 0),                -- how many entries moved this account
    closed   INTEGER NOT NULL DEFAULT 0 CHECK (closed IN (0, 1))
) STRICT, WITHOUT ROWID;

-- Double entry: each row moves an amount between a customer's account and a contra account of
-- the same currency. The key makes an effect of one step run possible once. A reversal stands
-- under the same saga and step, so the key makes it possible once too, and the reference makes
-- it impossible without its effect. Rows are never changed nor deleted.
CREATE TABLE entries (
    saga     TEXT    NOT NULL,  -- '' for an opening balance
    step     TEXT    NOT NULL,  -- the step run; the account for an opening balance
    kind     TEXT    NOT NULL CHECK (kind IN ('debit', 'credit') OR kind IN ('refund', 'uncredit') OR kind = 'opening'),
    account  TEXT    NOT NULL REFERENCES accounts (account),
    amount   INTEGER NOT NULL CHECK (amount BETWEEN 1 AND 9007199254740991),
    balance  INTEGER NOT NULL CHECK (balance >= 0),  -- the account's, after this entry
    version  INTEGER NOT NULL CHECK (version >= 1),  -- the account's, after this entry: the order of its entries
    reverses TEXT    CHECK (reverses IS CASE kind WHEN 'refund' THEN 'debit' WHEN 'uncredit' THEN 'credit' END),
    posted   INTEGER NOT NULL,                       -- microseconds since 1970, the bank's clock: for people, proves nothing
    change   INTEGER AS (CASE WHEN kind IN ('debit', 'uncredit') THEN -amount ELSE amount END) VIRTUAL,
    contra   TEXT    AS (CASE kind WHEN 'opening' THEN 'opening' ELSE 'clearing' END) VIRTUAL,
    PRIMARY KEY (saga, step, kind),
    FOREIGN KEY (saga, step, reverses) REFERENCES entries (saga, step, kind)
) STRICT, WITHOUT ROWID;

-- Contra balances follow from the entries. Were they kept beside them, every command of the
-- bank would write the same row again.
CREATE VIEW contra_accounts AS
    SELECT e.contra, a.currency, -sum(e.change) AS balance
    FROM entries e JOIN accounts a USING (account)
    GROUP BY e.contra, a.currency;

-- Zero in every row, or an account was moved without its entry.
CREATE VIEW trial_balance AS
    SELECT currency, sum(balance) AS difference
    FROM (SELECT currency, balance FROM accounts UNION ALL SELECT currency, balance FROM contra_accounts)
    GROUP BY currency;
