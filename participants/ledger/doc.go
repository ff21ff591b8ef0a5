// Package ledger is the bank: a participant that keeps accounts and moves money between them.
//
// Each bank is one SQLite file. A customer's account has one currency and a balance that is
// never negative at any commit: a debit is one guarded relative update, so two sagas can never
// spend the same money. Each movement is an entry of double entry bookkeeping, against the
// contra account "clearing" (money on its way between banks) or "opening" (money that was
// there first). The keys of the table, not this code, allow each effect once, and one reversal
// of it. Contra balances are derived from the entries, so the view trial_balance compares the
// balances that handlers updated with what the entries say: zero, or something is wrong.
//
// Actions: debit (undone by refund) and credit (undone by uncredit), each with the arguments
// {"account","amount","currency"} and the result {}. They refuse with insufficient_funds,
// no_such_account, account_closed, currency_mismatch and invalid_amount. An undo takes account
// and amount from the entry it reverses, never from its command; it works on a closed account
// too. An uncredit that finds the money spent cannot refuse: it asks for a retry with
// insufficient_funds, until there is money or the saga is suspended for a person.
//
// # Holds
//
// What is not final is not spendable. A payer's reserve (undone by release) promises an amount of the
// balance: it moves nothing, counts in the account's held, and no other saga can spend it. A payee's
// announce (undone by withdraw) records an amount that is to come: it is in neither balance nor
// held. Their confirms, capture and settle, move the money as a debit and a credit do, one entry
// each, under the confirm's step run; they take account and amount from the hold.
//
//	       reserve, announce
//	nothing -------------------> held --capture, settle---> captured
//	                              | \--release, withdraw--> released
//	                              \----its time passed----> expired
//
// A hold ends once, and the state in its row decides, in the transaction of the effect: a capture
// that commits before the expiry wins, and the other way round. What comes too late is told so:
// already_captured, already_released, expired. A release of what expired has nothing to do. Closing
// an account refuses new holds and breaks none.
//
// A hold whose try said so is released by the bank when its time has passed; [Sweep] does it, once
// a second in [Bank.Run]. A hold that must stay ("alert") is logged, and listed by [Bank.Overdue].
//
// [ReadTransfers], [ReadAccounts] and [Plan] read the files of giro run.
package ledger
