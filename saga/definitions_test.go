package saga

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

var testStart = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// ofKinds makes a definition of one letter a step: C(ompensatable), P(ivot), (re)T(riable), R(ead), H(old).
// In brackets behind it stands which steps it comes after, by their numbers; without, the one before it.
func ofKinds(t testing.TB, kinds string, attempts int) *Definition {
	t.Helper()
	var b strings.Builder
	b.WriteString("saga: any\nversion: 1\nsteps:\n")
	for i, written := range regexp.MustCompile(`[A-Z](\[\d*\])?`).FindAllString(kinds, -1) {
		id := fmt.Sprintf("%c%d", written[0], i+1)
		policy := fmt.Sprintf("timeout: 10s, retry: {attempts: %d, backoff: 1s, not: [closed]}", attempts)
		fmt.Fprintf(&b, "  - {id: %s, participant: %s, args: {n: %d}, %s, ", id, id, i+1, policy)
		if after, ok := strings.CutPrefix(written[1:], "["); ok {
			fmt.Fprintf(&b, "after: [%s], ", strings.Join(stepsNumbered(kinds, strings.TrimSuffix(after, "]")), ", "))
		}
		switch written[0] {
		case 'C':
			fmt.Fprintf(&b, "action: do-%s, undo: {action: undo-%s, %s}}\n", id, id, policy)
		case 'P':
			fmt.Fprintf(&b, "action: do-%s, kind: pivot}\n", id)
		case 'T':
			fmt.Fprintf(&b, "action: do-%s, kind: retriable}\n", id)
		case 'R':
			fmt.Fprintf(&b, "action: do-%s, kind: read}\n", id)
		case 'H':
			fmt.Fprintf(&b, "try: try-%s, confirm: confirm-%s, cancel: cancel-%s}\n", id, id, id)
		}
	}
	def, err := Parse(kinds+".yaml", []byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	return def
}

func stepsNumbered(kinds, numbers string) []string {
	letters := regexp.MustCompile(`[A-Z]`).FindAllString(kinds, -1)
	var ids []string
	for _, n := range numbers {
		ids = append(ids, letters[n-'1']+string(n))
	}
	return ids
}
