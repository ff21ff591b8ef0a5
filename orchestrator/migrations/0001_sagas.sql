-- One row a saga. What is asked for by SQL has a column; the rest of the instance is in data.
CREATE TABLE sagas (
  seq      INTEGER PRIMARY KEY,           -- order of acceptance; the key of pages in lists
  id       TEXT    NOT NULL UNIQUE,       -- chosen by the caller; unique over all types, for ever
  type     TEXT    NOT NULL,
  version  INTEGER NOT NULL,              -- of the definition; pinned
  state    TEXT    NOT NULL,
  revision INTEGER NOT NULL,              -- grows with each change; guards every update
  created  INTEGER NOT NULL,              -- microseconds since 1970, as all times here
  updated  INTEGER NOT NULL,
  finished INTEGER,                       -- NULL while the saga is live
  deadline INTEGER,                       -- of the saga; NULL if it has none
  timer    INTEGER,                       -- when the deadline must be looked at; NULL when nothing is armed
  input    BLOB    NOT NULL,              -- JSON, as it was given
  data     BLOB    NOT NULL               -- JSON: steps, causes, output
) STRICT;

CREATE INDEX sagas_live  ON sagas (state, seq) WHERE finished IS NULL;
CREATE INDEX sagas_back  ON sagas (seq) WHERE state = 'compensated';  -- few among many completed
CREATE INDEX sagas_timer ON sagas (timer) WHERE timer IS NOT NULL;

-- One row for each event that moved a saga. seq is also the number of the lifecycle event.
CREATE TABLE history (
  seq       INTEGER PRIMARY KEY,
  saga      INTEGER NOT NULL REFERENCES sagas (seq),
  at        INTEGER NOT NULL,
  kind      TEXT    NOT NULL,             -- started, replied, timed_out, deadline, cancelled, retried, unreadable
  step      TEXT,                         -- the step run
  direction TEXT,
  attempt   INTEGER,
  outcome   TEXT,
  code      TEXT,
  message   TEXT,                         -- of the reply, or the operator's reason
  note      TEXT,                         -- what the saga made of it, when that is not plain
  event     TEXT                          -- the lifecycle events it caused, space separated; NULL if none
) STRICT;

CREATE INDEX history_saga ON history (saga, seq);

-- Definitions are immutable: a row is never changed.
CREATE TABLE definitions (
  name    TEXT    NOT NULL,
  version INTEGER NOT NULL,
  digest  TEXT    NOT NULL,
  source  BLOB    NOT NULL,               -- canonical JSON (RFC 8785)
  applied INTEGER NOT NULL,
  PRIMARY KEY (name, version)
) STRICT, WITHOUT ROWID;
