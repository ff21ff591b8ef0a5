-- Sagas that start again and again.
CREATE TABLE schedules (
  name    TEXT    PRIMARY KEY,
  source  BLOB    NOT NULL,               -- canonical JSON (RFC 8785)
  applied INTEGER NOT NULL,               -- microseconds since 1970, as all times here
  next    INTEGER,                        -- the next tick; NULL: none comes any more
  last    INTEGER,                        -- the last tick that was acted upon
  saga    TEXT,                           -- what it started; NULL if it could not
  problem TEXT,                           -- why not
  starts  INTEGER NOT NULL DEFAULT 0,
  missed  INTEGER NOT NULL DEFAULT 0      -- ticks that started nothing, by the rule for missed ones
) STRICT, WITHOUT ROWID;

CREATE INDEX schedules_next ON schedules (next) WHERE next IS NOT NULL;
