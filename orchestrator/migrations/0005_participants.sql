-- What the orchestrator knows of the participants' databases, so that an older copy of one is noticed.
CREATE TABLE participants (
  seq      INTEGER PRIMARY KEY,
  name     TEXT    NOT NULL UNIQUE,
  store    TEXT    NOT NULL,               -- the id of its database
  session  TEXT    NOT NULL,               -- of its process that may serve
  base     INTEGER NOT NULL,               -- the commit number that the session began with
  heard    INTEGER NOT NULL,               -- the highest commit number it has told
  recorded INTEGER NOT NULL,               -- of replies above this number the history has the number
  state    TEXT    NOT NULL,               -- serving; or quarantined: behind, foreign, differs
  cause    TEXT    NOT NULL DEFAULT '',
  since    INTEGER,                        -- of the quarantine, microseconds since 1970
  restored INTEGER NOT NULL DEFAULT 0,     -- the last older copy had the commits up to here
  whole    INTEGER NOT NULL DEFAULT 0,     -- and what it had lost was there again with this one
  lost     TEXT    NOT NULL DEFAULT '',    -- the session whose commits above restored are lost
  decision TEXT    NOT NULL DEFAULT '',    -- of an operator: accept
  differ   TEXT    NOT NULL DEFAULT '[]',  -- JSON: some operations that have another outcome now
  pause    INTEGER NOT NULL DEFAULT 0      -- its row in pauses, while the quarantine made it
) STRICT;

-- Of replies: who gave it, and from which commit of the participant's database it is. There is no index: they
-- are looked for only when a copy was restored.
ALTER TABLE history ADD COLUMN participant INTEGER REFERENCES participants (seq);
ALTER TABLE history ADD COLUMN committed INTEGER;

-- What participants have told of steps that are not known here: this database is an older copy then. A row stays
-- until its saga has got there again.
CREATE TABLE strays (
  saga        TEXT    NOT NULL,
  step        TEXT    NOT NULL,            -- the step run
  participant TEXT    NOT NULL,
  state       TEXT    NOT NULL,            -- and all that follows: as the participant's barrier has it
  backward    INTEGER NOT NULL,
  outcome     TEXT    NOT NULL,
  code        TEXT    NOT NULL,
  message     TEXT    NOT NULL,
  result      BLOB,
  undo        BLOB,
  committed   INTEGER NOT NULL,
  PRIMARY KEY (saga, step)
) STRICT, WITHOUT ROWID;
