CREATE TABLE spending (
    account TEXT   COLLATE "C" NOT NULL REFERENCES accounts (account),
    starts  BIGINT NOT NULL,
    ends    BIGINT NOT NULL,
    amount  BIGINT NOT NULL CHECK (amount >= 0),
    PRIMARY KEY (account, starts, ends)
);

CREATE TABLE spent (
    saga    TEXT   COLLATE "C" NOT NULL,
    step    TEXT   COLLATE "C" NOT NULL,
    account TEXT   COLLATE "C" NOT NULL,
    starts  BIGINT NOT NULL,
    ends    BIGINT NOT NULL,
    amount  BIGINT NOT NULL CHECK (amount >= 1),
    PRIMARY KEY (saga, step),
    FOREIGN KEY (account, starts, ends) REFERENCES spending (account, starts, ends)
);
