-- What stays of a finished saga when its rows in sagas and history are gone: enough to know its id for ever, to
-- answer its start, and to audit what it left in the participants' databases.
CREATE TABLE archived (
  id       TEXT    NOT NULL PRIMARY KEY,
  type     TEXT    NOT NULL,
  version  INTEGER NOT NULL,
  state    TEXT    NOT NULL,               -- completed, compensated, abandoned
  content  BLOB    NOT NULL,               -- of its start: the first 16 bytes of the digest of type and canonical input
  created  INTEGER NOT NULL,               -- microseconds since 1970
  finished INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The highest commit number among the answers whose sagas are archived. A copy that has fewer commits cannot be made
-- whole from the history.
ALTER TABLE participants ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;
