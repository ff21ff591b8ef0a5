package ledger

import "errors"

// The codes of a bank's refusals, as replies carry them.
const (
	CodeInsufficientFunds = "insufficient_funds" // balance less what is held does not cover the amount
	CodeNoSuchAccount     = "no_such_account"    // nobody opened this account here
	CodeAccountClosed     = "account_closed"     // it takes no new debits and credits
	CodeCurrencyMismatch  = "currency_mismatch"  // the account is kept in another currency
	CodeLimitExceeded     = "limit_exceeded"     // the account would spend more than its limit in this window
	CodeInvalidAmount     = "invalid_amount"     // not 1 to MaxAmount, or the balance would grow past MaxAmount
)

// The codes of what comes too late for a hold. A confirm that is the pivot is refused with them;
// what cannot be refused is answered with a retry.
const (
	CodeAlreadyCaptured = "already_captured" // it was confirmed
	CodeAlreadyReleased = "already_released" // it was undone
	CodeExpired         = "expired"          // its time had passed and the bank released it
	CodeNoSuchHold      = "no_such_hold"     // the try placed none, or one of the other direction
)

// The codes of retries: others were in the way. The command comes again.
const (
	CodeConflict  = "version_conflict" // others changed the account, each time it was tried
	CodeLocked    = "account_locked"   // the account's lock was not had
	CodeOtherLane = "other_lane"       // the command names another account than its effect, and so came to the wrong writer
	CodeStale     = "stale_token"      // the account's lock was lost, and another has had it since
)

var (
	// ErrLimit: the limit cannot be kept as it is described.
	ErrLimit = errors.New("ledger limit")
	// ErrStrategy: there is no such strategy, or it cannot hold where the bank runs.
	ErrStrategy = errors.New("ledger strategy")
	// ErrConflict: others changed the account each time the change was tried. Nothing was changed; do
	// it again in a new transaction.
	ErrConflict = errors.New("account changed meanwhile")
	// ErrOtherLane: an account is changed by one writer, and this is another.
	ErrOtherLane = errors.New("the account belongs to another writer")
	// ErrNotHeld: the change needs the account's lock, and its token was not given: see [Under].
	ErrNotHeld = errors.New("the account's lock is not held")
	// ErrInvalidAccount: an account to open has a bad name, currency or balance. Nothing was opened.
	ErrInvalidAccount = errors.New("invalid account")
	// ErrOtherCurrency: an account to open exists in another currency. Nothing was opened.
	ErrOtherCurrency = errors.New("account is kept in another currency")
	// ErrNoSuchAccount: the account was never opened at this bank.
	ErrNoSuchAccount = errors.New("no such account")
)
