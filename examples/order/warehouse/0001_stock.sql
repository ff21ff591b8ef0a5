CREATE TABLE stock (sku TEXT PRIMARY KEY, pieces INTEGER NOT NULL CHECK (pieces >= 0)) STRICT;
INSERT INTO stock (sku, pieces) VALUES ('lamp', 10), ('chair', 4), ('desk', 0);
