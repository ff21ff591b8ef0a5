CREATE TABLE scores (customer TEXT PRIMARY KEY, points INTEGER NOT NULL) STRICT;
INSERT INTO scores (customer, points) VALUES ('ada', 780), ('bob', 610);
