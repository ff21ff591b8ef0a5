CREATE TABLE purchases (purchase TEXT PRIMARY KEY, cents INTEGER NOT NULL) STRICT;
CREATE TABLE letters (purchase TEXT NOT NULL, voucher TEXT NOT NULL, approved_by TEXT NOT NULL) STRICT;
INSERT INTO purchases (purchase, cents) VALUES ('P-1', 3000), ('P-2', 90000), ('P-3', 90000);
