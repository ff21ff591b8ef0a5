-- Starts that wait until an orchestrator has committed their saga. A row is written by StartTx in the
-- caller's transaction and deleted by a Starter. They are not in the table outbox: the relay of a
-- participant on the same database would send them as its own.
CREATE TABLE IF NOT EXISTS giro_starts (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT, -- order of the commits; a number is never used again
    id      TEXT NOT NULL UNIQUE,              -- of the saga
    type    TEXT NOT NULL,                     -- of the saga
    header  TEXT NOT NULL,                     -- of the request, a JSON object
    input   BLOB NOT NULL,                     -- of the saga, as it was given
    lane    TEXT NOT NULL,                     -- starts of one lane are sent one after the other; '': no lane
    created TEXT NOT NULL,                     -- RFC 3339 UTC
    refused TEXT                               -- why it is parked, a problem in JSON; NULL: it is being sent
) STRICT;
CREATE INDEX IF NOT EXISTS giro_starts_unsent ON giro_starts (seq, lane) WHERE refused IS NULL;
CREATE INDEX IF NOT EXISTS giro_starts_lane ON giro_starts (lane, seq) WHERE refused IS NULL;
