CREATE TABLE stock (item TEXT PRIMARY KEY, pieces INTEGER NOT NULL CHECK (pieces >= 0)) STRICT;
INSERT INTO stock (item, pieces) VALUES ('bicycle', 3);
