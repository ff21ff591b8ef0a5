-- Until which month each customer has paid. A month in arrears is billed and not paid.
CREATE TABLE subscriptions (
    customer TEXT    PRIMARY KEY,
    paid     INTEGER NOT NULL,     -- months
    arrears  INTEGER,              -- the month that is billed
    lapsed   INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO subscriptions (customer, paid) VALUES ('ada', 3), ('bob', 7);
