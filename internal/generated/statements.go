package generated

// The statements share what a transfer with number i is.
const (
	numbered = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1),
		t AS (SELECT i, 'T-' || i AS id, CAST(i * 31 % 1000 AS TEXT) AS payer, CAST(i * 17 % 1000 AS TEXT) AS payee, 1 + i % 500 AS amount, ?2 AS store,
			CASE WHEN i > ?1 - ?3 THEN 'flying' WHEN i % 100 = 7 THEN 'poor' WHEN i % 100 = 8 THEN 'lost' ELSE 'done' END AS fate FROM n) `

	writeSagas = numbered + `INSERT INTO sagas (id, type, version, state, revision, created, updated, finished, input, data)
		SELECT id, 'transfer', 1, CASE fate WHEN 'done' THEN 'completed' WHEN 'flying' THEN 'running' ELSE 'compensated' END, 3, i, i,
			CASE fate WHEN 'flying' THEN NULL ELSE i END,
			CAST(printf('{"from":{"bank":"HOME","account":"%s"},"to":{"bank":"AWAY","account":"%s"},"amount":%d,"currency":"EUR"}', payer, payee, amount) AS BLOB),
			CAST(printf('{"digest":"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef","steps":[{"id":"debit","state":"%s","to":"HOME","key":"%s","n":1,"result":{},"since":"2026-01-02T03:04:05.678901Z"},{"id":"credit","state":"%s"%s}]}',
				CASE fate WHEN 'poor' THEN 'rejected' WHEN 'lost' THEN 'compensated' ELSE 'succeeded' END, payer,
				CASE fate WHEN 'poor' THEN 'pending' WHEN 'lost' THEN 'rejected' WHEN 'done' THEN 'succeeded' ELSE 'running' END,
				CASE fate WHEN 'poor' THEN '' ELSE printf(',"to":"AWAY","key":"%s","n":1,"result":{},"since":"2026-01-02T03:04:05.678901Z"', payee) END) AS BLOB)
		FROM t`

	writeHistory = numbered + `INSERT INTO history (saga, at, kind, step, direction, attempt, outcome, event)
		SELECT s.seq, s.created, m.kind, m.step, m.direction, m.attempt, m.outcome, m.event FROM t JOIN sagas s ON s.id = t.id JOIN (
			SELECT 1 AS nr, 'started' AS kind, NULL AS step, NULL AS direction, NULL AS attempt, NULL AS outcome, 'accepted' AS event
			UNION ALL SELECT 2, 'replied', 'debit', 'forward', 1, 'succeeded', NULL
			UNION ALL SELECT 3, 'replied', 'credit', 'forward', 1, 'succeeded', 'completed') m
		WHERE t.fate = 'done' ORDER BY t.i, m.nr`

	writeMark = `INSERT INTO meta (key, value) SELECT 'events_published', CAST(max(seq) AS TEXT) FROM history
		WHERE ?1 > 0 AND ?2 <> '' AND ?3 >= 0 HAVING max(seq) > 0`

	writeCommands = numbered + `INSERT INTO outbox (key, seq, subject, header, body, attempt, not_before, timeout)
		SELECT id || '/credit/forward', i, 's', '', x'', 1, 0, 0 FROM t WHERE fate = 'flying' AND store <> ''`

	writeAccounts = `WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
		INSERT INTO accounts (account, currency, balance) SELECT CAST(i AS TEXT), 'EUR', 0 FROM n WHERE ?1 > 0 AND ?2 <> '' AND ?3 >= 0`

	writeInbox = `INSERT INTO inbox (saga, step, origin, state, outcome, code, message, result, undo_result, commit_number) `

	writeDebitRows = numbered + writeInbox + `SELECT id, 'debit', store,
		CASE fate WHEN 'poor' THEN 'rejected' WHEN 'lost' THEN 'undone' ELSE 'succeeded' END,
		CASE fate WHEN 'poor' THEN 'rejected' ELSE 'succeeded' END, '', '', '{}', CASE fate WHEN 'lost' THEN '{}' END, 1 FROM t`

	writeCreditRows = numbered + writeInbox + `SELECT id, 'credit', store,
		CASE fate WHEN 'lost' THEN 'rejected' ELSE 'succeeded' END, CASE fate WHEN 'lost' THEN 'rejected' ELSE 'succeeded' END, '', '', '{}', NULL, 1
		FROM t WHERE fate IN ('done', 'lost')`

	writeEntries = `INSERT INTO entries (saga, step, kind, account, amount, balance, version, reverses, posted)
		SELECT id, step, kind, account, amount, sum(change) OVER w, row_number() OVER w, reverses, 0 FROM moves
		WINDOW w AS (PARTITION BY account ORDER BY i, reverses IS NOT NULL)`

	opened = `SELECT 0 AS i, '' AS id, account AS step, 'opening' AS kind, account, 1000000000 AS amount, 1000000000 AS change, NULL AS reverses FROM accounts`

	writeDebits = numbered + `, moves AS (` + opened + `
		UNION ALL SELECT i, id, 'debit', 'debit', payer, amount, -amount, NULL FROM t WHERE fate <> 'poor'
		UNION ALL SELECT i, id, 'debit', 'refund', payer, amount, amount, 'debit' FROM t WHERE fate = 'lost') ` + writeEntries

	writeCredits = numbered + `, moves AS (` + opened + `
		UNION ALL SELECT i, id, 'credit', 'credit', payee, amount, amount, NULL FROM t WHERE fate = 'done') ` + writeEntries

	writeBalances = `UPDATE accounts SET balance = e.balance, version = e.version
		FROM (SELECT account, sum(change) AS balance, count(*) AS version FROM entries GROUP BY account) e
		WHERE e.account = accounts.account AND ?1 > 0 AND ?2 <> '' AND ?3 >= 0`
)
