package saga

import (
	"strings"
	"testing"
)

func transferInstance() *Instance {
	return &Instance{ID: "T-1", Type: "transfer", Input: transferInput}
}

func TestTransfer(t *testing.T) {
	d, in := Transfer(), transferInstance()
	if d.Name != "transfer" || d.Version != 1 || d.Deadline != 0 || len(d.Steps) != 2 {
		t.Fatalf("definition is %+v", d)
	}
	if err := d.CheckInput(in.Input); err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		id, participant, key, action, undo, args string
		kind                                     Kind
	}{
		{"debit", "HOME", "1", "debit", "refund", `{"account":"1","amount":245200,"currency":"CZK"}`, Compensatable},
		{"credit", "YZ", "87144583", "credit", "", `{"account":"87144583","amount":245200,"currency":"CZK"}`, Pivot},
	} {
		s := &d.Steps[i]
		if participant, key, err := s.Address(in, s.ID); err != nil || participant != want.participant || key != want.key {
			t.Errorf("%s: address is %s, %s, %v", s.ID, participant, key, err)
		}
		if args, err := s.Arguments(in, s.ID); err != nil || string(args) != want.args {
			t.Errorf("%s: arguments are %s, %v", s.ID, args, err)
		}
		undo := ""
		if s.Undo != nil {
			undo = s.Undo.Action
		}
		if s.ID != want.id || s.Kind != want.kind || s.Action != want.action || undo != want.undo || s.Timeout != DefaultTimeout || s.Retry.Attempts != 5 {
			t.Errorf("step is %+v", s)
		}
	}
	if out, err := d.Result(in); err != nil || string(out) != "{}" {
		t.Errorf("output is %s, %v", out, err)
	}
}

// Money is an integer literal of minor units, 1 to 2^53-1.
func TestTransferAmount(t *testing.T) {
	body := func(amount string) []byte {
		return []byte(strings.Replace(string(transferInput), "245200", amount, 1))
	}
	for _, good := range []string{"1", "9007199254740991"} {
		if err := Transfer().CheckInput(body(good)); err != nil {
			t.Error(err)
		}
	}
	const want = "/amount: must be an integer of minor units from 1 to 9007199254740991, without point, exponent or quotes"
	for _, bad := range []string{"1.0", "1.5", "1e3", "1E0", "0", "-0", "-1", `"1"`, "9007199254740992", "99999999999999999999", "null", "true", "[]"} {
		if err := Transfer().CheckInput(body(bad)); err == nil || err.Error() != want {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if Transfer().CheckInput(body("01")) == nil || Transfer().CheckInput(body("1e999")) == nil {
		t.Error("a number that is none is accepted")
	}
}

func TestTransferInput(t *testing.T) {
	for _, change := range []struct{ from, to, want string }{
		{`"HOME"`, `"a.b"`, `/from/bank: must match ^[A-Za-z0-9_-]{1,64}$, but is "a.b"`},
		{`"HOME"`, `""`, `/from/bank: must match ^[A-Za-z0-9_-]{1,64}$, but is ""`},
		{`"HOME"`, `"a\n"`, `/from/bank: must match ^[A-Za-z0-9_-]{1,64}$, but is "a\n"`},
		{`"87144583"`, `87144583`, `/to/account: must be a string, but is a number`},
		{`"CZK"`, `"czk"`, `/currency: must match ^[A-Z]{3}$, but is "czk"`},
		{`,"currency":"CZK"`, ``, `/currency: is missing`},
		{`"bank":"YZ",`, ``, `/to/bank: is missing`},
		{`"amount"`, `"x":1,"amount"`, `/x: is not known here`},
		{`"bank":"YZ"`, `"bank":"YZ","iban":"x"`, `/to/iban: is not known here`},
	} {
		body := strings.Replace(string(transferInput), change.from, change.to, 1)
		if err := Transfer().CheckInput([]byte(body)); err == nil || err.Error() != change.want {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func BenchmarkCheckInput(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if err := Transfer().CheckInput(transferInput); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAddressAndArguments is what both steps of a transfer take together.
func BenchmarkAddressAndArguments(b *testing.B) {
	d, in := Transfer(), transferInstance()
	b.ReportAllocs()
	for b.Loop() {
		for i := range d.Steps {
			if _, _, err := d.Steps[i].Address(in, d.Steps[i].ID); err != nil {
				b.Fatal(err)
			}
			must(d.Steps[i].Arguments(in, d.Steps[i].ID))
		}
	}
}
