CREATE TABLE cards (card TEXT PRIMARY KEY, cents INTEGER NOT NULL CHECK (cents >= 0)) STRICT;
INSERT INTO cards (card, cents) VALUES ('gold', 500000), ('empty', 0);
