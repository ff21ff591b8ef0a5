CREATE TABLE cards (customer TEXT PRIMARY KEY, cents INTEGER NOT NULL CHECK (cents >= 0)) STRICT;
INSERT INTO cards (customer, cents) VALUES ('ada', 10000), ('bob', 0);
