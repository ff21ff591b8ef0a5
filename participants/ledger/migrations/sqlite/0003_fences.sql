-- The highest fencing token that each account's lock has shown here: see package coordination. Only the
-- strategy "locked" writes it.
CREATE TABLE IF NOT EXISTS coordination_fences (
	resource TEXT PRIMARY KEY,  -- name of the lock
	token    BIGINT NOT NULL,   -- the highest seen
	holder   TEXT NOT NULL      -- whose it is: no token is shared
);
