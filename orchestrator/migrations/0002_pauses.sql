-- What operators have stopped for a while.
CREATE TABLE pauses (
  seq     INTEGER PRIMARY KEY,
  kind    TEXT    NOT NULL,               -- saga, type, participant, schedule
  name    TEXT    NOT NULL,               -- its id, or name
  reason  TEXT    NOT NULL,
  since   INTEGER NOT NULL,               -- microseconds since 1970
  resumed INTEGER,                        -- NULL while it holds; then the lost time is given back, saga by saga
  reached INTEGER NOT NULL DEFAULT 0      -- the last saga (its seq) that has been given its time back
) STRICT;

CREATE UNIQUE INDEX pauses_holding ON pauses (kind, name) WHERE resumed IS NULL;
