package ledger

import (
	"errors"
	"strconv"
	"strings"
)

// MaxAmount is the largest amount and opening balance in minor units: the largest integer
// that every JSON reader keeps exact.
const MaxAmount = 1<<53 - 1

var (
	errAmountForm  = errors.New("must be digits, optionally a dot and one or two digits")
	errAmountRange = errors.New("is larger than 90071992547409.91")
	errAmountZero  = errors.New("must not be zero")
)

// ParseAmount reads a decimal of major units ("12", "12.3", "12.30") as minor units. The
// factor is 100 for every currency.
func ParseAmount(s string) (int64, error) {
	whole, cents, dotted := strings.Cut(s, ".")
	if !isDigits(whole) || dotted && (!isDigits(cents) || len(cents) > 2) {
		return 0, errAmountForm
	}
	cents += "00"[len(cents):]
	n, err := strconv.ParseInt(whole+cents, 10, 64)
	if err != nil || n > MaxAmount {
		return 0, errAmountRange
	}
	return n, nil
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

func isCurrency(s string) bool {
	return len(s) == 3 && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}
