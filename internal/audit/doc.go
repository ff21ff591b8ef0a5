// Package audit judges what the databases say, and nothing else: it asks no running engine, and
// it may read beside one.
//
// The orchestrator's database is read first, then each bank's, each in one read transaction of its
// own. Judged are the sagas that are terminal in the orchestrator's snapshot: whatever they did is
// in every later snapshot of a bank. Entries of all other sagas count as in flight. An entry whose
// saga is not in the snapshot may be younger than it; so the orchestrator is asked again, and only
// a saga that it still does not know is a violation.
//
//	orchestrator --- sagas, ordered by id -------------+
//	bank A --- inbox + entries + holds, by saga ---+   +--> one saga at a time --> violations
//	bank B --- inbox + entries + holds, by saga ---+---+
//
// All sides come sorted by the saga's id out of their indexes, so a million sagas are merged in
// one pass and in little memory: that of the accounts.
//
// Of a saga that is archived only the outcome is known. What banks have of it must go with that; which step
// went where cannot be judged any more.
//
// Logs of what clients were told, if there are any, are read first, into one small record for each saga. An
// answer may be younger than the snapshot; then the orchestrator is asked again too.
//
// The invariants, numbered as the tests name them. I1, I10 and I12 need such logs; I11, that two processes
// never own one directory, leaves nothing in a database, and giro torture judges it:
//
//	I1  what a client was told is accepted exists
//	I2  a saga is terminal, or under way, or suspended with a cause
//	I3  money is conserved: balances + in flight = openings; each balance is what its entries say, and
//	    what an account holds is what its open holds say
//	I4  no account was overdrawn after any of its entries, and no entry is missing between two others
//	I5  a step run has at most one effect, an effect at most one reversal, of the same amount; a hold is
//	    captured once, and what was held is what moves
//	I6  completed: every effect stands, and no hold was released; compensated: none does, and no hold was
//	    captured; no hold is left open; nothing is moved or held outside a saga
//	I7  what was refused or fenced has no effect and holds nothing
//	I8  an effect or a hold has its inbox row, a captured hold its entry, and the inbox agrees with the
//	    orchestrator about the outcome
//	I9  no command is left of a terminal saga, and no inbox row is of a step that nobody asked for
//	I10 one id is one saga: only the type and input that are stored were accepted under it, and never refused
//	I12 what a client has seen is never taken back: no end becomes another, and what is there does not vanish
package audit
