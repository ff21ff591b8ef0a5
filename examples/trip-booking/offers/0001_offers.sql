-- What a hotel, an airline or a car rental has left, and to which trip it has given it.
CREATE TABLE offers (offer TEXT PRIMARY KEY, free INTEGER NOT NULL CHECK (free >= 0)) STRICT;
CREATE TABLE bookings (booking INTEGER PRIMARY KEY, offer TEXT NOT NULL, trip TEXT NOT NULL) STRICT;
INSERT INTO offers (offer, free) VALUES ('Rome', 3), ('compact', 3), ('van', 1);
