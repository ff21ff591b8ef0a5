-- Rows that others have put, and that have no place in the owner's order yet: see feed.go.
CREATE INDEX outbox_unsent ON outbox (key) WHERE seq = 0;
