CREATE TABLE rates (sell TEXT NOT NULL, buy TEXT NOT NULL, millionths INTEGER NOT NULL, PRIMARY KEY (sell, buy)) STRICT;
CREATE TABLE positions (currency TEXT PRIMARY KEY, cents INTEGER NOT NULL) STRICT;  -- what the exchange has of each
INSERT INTO rates (sell, buy, millionths) VALUES ('EUR', 'CZK', 25000000);
INSERT INTO positions (currency, cents) VALUES ('EUR', 1000000), ('CZK', 25000000);
