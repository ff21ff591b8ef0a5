CREATE TABLE vouchers (code TEXT PRIMARY KEY, cents INTEGER NOT NULL, void INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE cards (purchase TEXT PRIMARY KEY, cents INTEGER NOT NULL) STRICT;  -- what can be paid back to the card of a purchase
INSERT INTO cards (purchase, cents) VALUES ('P-1', 3000), ('P-2', 90000);       -- that of P-3 has expired
