package saga

import (
	"strings"
	"testing"
)

func TestCheckID(t *testing.T) {
	long := strings.Repeat("x", MaxID)
	for _, good := range []string{"a", "T-1", "AZaz09_-", long} {
		if err := CheckID("saga id", good); err != nil {
			t.Error(err)
		}
	}
	for bad, want := range map[string]string{
		"":         "saga id is empty: it must have 1 to 64 characters of A-Z a-z 0-9 _ -",
		long + "x": `saga id "xxxxxxxxxxxxxxxxxxxx"... is 65 bytes long: it must have 1 to 64 characters of A-Z a-z 0-9 _ -`,
		"a.b":      `saga id "a.b" contains '.': it must have 1 to 64 characters of A-Z a-z 0-9 _ -`,
		"a b":      `saga id "a b" contains ' ': it must have 1 to 64 characters of A-Z a-z 0-9 _ -`,
		"a~1":      `saga id "a~1" contains '~': it must have 1 to 64 characters of A-Z a-z 0-9 _ -`,
		"účet":     `saga id "účet" contains 'ú': it must have 1 to 64 characters of A-Z a-z 0-9 _ -`,
		"a*":       `saga id "a*" contains '*': it must have 1 to 64 characters of A-Z a-z 0-9 _ -`,
		">":        `saga id ">" contains '>': it must have 1 to 64 characters of A-Z a-z 0-9 _ -`,
		"a/b":      `saga id "a/b" contains '/': it must have 1 to 64 characters of A-Z a-z 0-9 _ -`,
		"a\x00":    `saga id "a\x00" contains '\x00': it must have 1 to 64 characters of A-Z a-z 0-9 _ -`,
		"\xff":     `saga id "\xff" contains '�': it must have 1 to 64 characters of A-Z a-z 0-9 _ -`,
	} {
		if err := CheckID("saga id", bad); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", bad, err, want)
		}
	}
}

func TestCheckKey(t *testing.T) {
	for _, good := range []string{"x", "any bytes: \xff . *", strings.Repeat("x", MaxKey)} {
		if err := CheckKey(good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", strings.Repeat("x", MaxKey+1)} {
		if CheckKey(bad) == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func BenchmarkCheckID(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if CheckID("saga id", "01890a5d-ac96-774b-bcce-b302099a8057") != nil {
			b.Fatal()
		}
	}
}
func TestParticipantsNames(t *testing.T) {
	for name, ok := range map[string]bool{"HOME": true, "start": false, "reply": false, "a.b": false, "": false, strings.Repeat("x", MaxID+1): false} {
		if err := CheckParticipant(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
		if got := IsID(name); got != (CheckID("name", name) == nil) {
			t.Errorf("IsID and CheckID disagree on %q", name)
		}
	}
}
