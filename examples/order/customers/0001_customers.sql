CREATE TABLE customers (customer TEXT PRIMARY KEY, grade TEXT NOT NULL, max_cents INTEGER NOT NULL) STRICT;
INSERT INTO customers (customer, grade, max_cents) VALUES ('ada', 'A', 100000), ('bob', 'C', 100000), ('eve', 'D', 100);
