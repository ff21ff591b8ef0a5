-- The participant's own tables. They are made beside the owner's numbered migrations, in which
-- there is no room for a stranger's file; so each statement must be harmless when run again.

-- The barrier: one row for each step run of a saga that was asked for here. It is the inbox,
-- which makes a repeated command harmless, and it is the outbox of replies, because a command
-- is acknowledged only after its reply was stored, and so comes again until then.
-- Rows are never deleted: an old copy of a command must always meet its row.
-- An IN of more than two values makes SQLite build a table of them for each row that is written; so there is none.
CREATE TABLE IF NOT EXISTS inbox (
    saga          TEXT    NOT NULL,
    step          TEXT    NOT NULL,  -- the step run: debit, debit~1
    origin        TEXT    NOT NULL,  -- the orchestrator store that sent the first command
    state         TEXT    NOT NULL CHECK (state IN ('succeeded', 'rejected') OR state IN ('fenced', 'undone') OR state = 'closed'),
    forward_hash  BLOB,              -- SHA-256 of participant, action and body; NULL before a forward or inquire came
    backward_hash BLOB,              -- the same of backward and close
    outcome       TEXT    CHECK (outcome IN ('succeeded', 'rejected')),  -- of the forward; NULL if it never ran
    code          TEXT    NOT NULL,  -- of the refusal
    message       TEXT    NOT NULL,
    result        TEXT    NOT NULL,  -- the forward reply's body
    undo_result   TEXT,              -- the undo reply's body; NULL if nothing was undone
    commit_number INTEGER NOT NULL,  -- of the last change
    PRIMARY KEY (saga, step),
    CHECK (outcome IS NOT NULL OR state NOT IN ('succeeded', 'rejected')),
    CHECK (state <> 'undone' OR undo_result IS NOT NULL)
) STRICT, WITHOUT ROWID;

-- How many transactions have met the inbox. Replies carry it: if it ever goes back, this
-- database was replaced by an older copy.
CREATE TABLE IF NOT EXISTS inbox_commits (number INTEGER NOT NULL) STRICT;
INSERT INTO inbox_commits (number) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM inbox_commits);
