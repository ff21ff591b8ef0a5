package ledger

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestReadTransfers(t *testing.T) {
	const line = "T-1,HOME,1,YZ,87144583,2452.00,CZK"
	want := []Transfer{{ID: "T-1", From: Place{"HOME", "1"}, To: Place{"YZ", "87144583"}, Amount: 245200, Currency: "CZK"}}
	for name, file := range map[string]string{
		"plain":           TransfersHeader + "\n" + line + "\n",
		"no last newline": TransfersHeader + "\n" + line,
		"CRLF":            TransfersHeader + "\r\n" + line + "\r\n",
		"BOM":             "\ufeff" + TransfersHeader + "\n" + line + "\n",
		"BOM and CRLF":    "\ufeff" + TransfersHeader + "\r\n" + line + "\r\n",
		"quoted":          TransfersHeader + "\n" + `"T-1","HOME",1,YZ,87144583,"2452.00",CZK`,
		"empty lines":     TransfersHeader + "\n\n" + line + "\n\n",
	} {
		got, err := ReadTransfers("f.csv", strings.NewReader(file))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
	const input = `{"from":{"bank":"HOME","account":"1"},"to":{"bank":"YZ","account":"87144583"},"amount":245200,"currency":"CZK"}`
	if got := string(want[0].Input()); got != input {
		t.Errorf("input %s", got)
	}
	if got, err := ReadTransfers("f.csv", strings.NewReader(TransfersHeader)); err != nil || len(got) != 0 {
		t.Errorf("only a header: %v, %v", got, err)
	}
}

// TestBadLines holds the text of each complaint, and its line.
func TestBadLines(t *testing.T) {
	tests := []struct{ name, rows, want string }{
		{"header", "", "f.csv:1: the header must be " + TransfersHeader},
		{"few fields", "T,A,1,B,2,1", "f.csv:2: has 6 fields, not 7"},
		{"many fields", "T,A,1,B,2,1,EUR,", "f.csv:2: has 8 fields, not 7"},
		{"id", "T 1,A,1,B,2,1,EUR", `f.csv:2: id "T 1" contains ' '`},
		{"no id", ",A,1,B,2,1,EUR", `f.csv:2: id is empty`},
		{"bank", "T,A.B,1,B,2,1,EUR", `f.csv:2: from_bank "A.B" contains '.'`},
		{"account", "T,A,1,B,*,1,EUR", `f.csv:2: to_account "*" contains '*'`},
		{"long", "T,A," + strings.Repeat("1", 65) + ",B,2,1,EUR", `f.csv:2: from_account "11111111111111111111"... is 65 bytes long`},
		{"currency", "T,A,1,B,2,1,eur", `f.csv:2: currency "eur" must be three capital letters`},
		{"zero", "T,A,1,B,2,0.00,EUR", `f.csv:2: amount "0.00" must not be zero`},
		{"negative", "T,A,1,B,2,-1,EUR", `f.csv:2: amount "-1" must be digits`},
		{"quote", `T,A,1,B,2,"1,EUR`, `f.csv:2: extraneous or missing " in quoted-field`},
		{"again", "T,A,1,B,2,1,EUR\nU,A,1,B,2,1,EUR\nT,A,1,B,2,1,EUR", "f.csv:4: id T stands in line 2 already"},
		{"all at once", "T,A,1,B,2,x,EU\nU,A,1,B,2,1,EUR\n,A,1,B,2,1,EUR",
			"f.csv:2: amount \"x\" must be digits, optionally a dot and one or two digits\nf.csv:2: currency \"EU\" must be three capital letters\nf.csv:4: id is empty"},
		{"line after a quoted newline", "T,A,1,B,2,\"1\n\",EUR\nU,A,1,B,2,0,EUR", `f.csv:4: amount "0" must not be zero`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := TransfersHeader + "\n" + tt.rows
			if tt.name == "header" {
				file = strings.ToUpper(file)
			}
			transfers, err := ReadTransfers("f.csv", strings.NewReader(file))
			var bad *BadLines
			if !errors.As(err, &bad) || transfers != nil {
				t.Fatalf("%v, %v", transfers, err)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v\ndoes not say\n%s", err, tt.want)
			}
		})
	}
	if _, err := ReadTransfers("f.csv", strings.NewReader("")); err == nil || !strings.HasPrefix(err.Error(), "f.csv:1: the header must be") {
		t.Errorf("an empty file: %v", err)
	}
}

func TestBadLinesAreBounded(t *testing.T) {
	var file strings.Builder
	file.WriteString(AccountsHeader + "\n")
	for range 70 {
		file.WriteString("A,1,EUR,-1\n") // from the second on: a bad balance, and there already
	}
	_, err := ReadAccounts("a.csv", strings.NewReader(file.String()))
	var bad *BadLines
	if !errors.As(err, &bad) || len(bad.Lines) != 50 || bad.More != 70+69-50 {
		t.Fatalf("%d lines and %d more", len(bad.Lines), bad.More)
	}
	if !strings.HasSuffix(err.Error(), "\nand 89 more") {
		t.Errorf("the end is %q", err.Error()[len(err.Error())-30:])
	}
}

func TestReadAccounts(t *testing.T) {
	got, err := ReadAccounts("a.csv", strings.NewReader(AccountsHeader+"\nHOME,1,CZK,2452.5\nHOME,2,CZK,0\nYZ,1,EUR,3\n"))
	want := []BankAccount{
		{"HOME", Account{"1", "CZK", 245250}}, {"HOME", Account{"2", "CZK", 0}}, {"YZ", Account{"1", "EUR", 300}},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	_, err = ReadAccounts("a.csv", strings.NewReader(AccountsHeader+"\nHOME,1,CZK,1\nHOME,1,EUR,1\n"))
	if want := "a.csv:3: account 1 of bank HOME stands in line 2 already"; fmt.Sprint(err) != want {
		t.Errorf("%v, want %s", err, want)
	}
	if empty, err := ReadAccounts("a.csv", strings.NewReader(AccountsHeader)); err != nil || empty == nil {
		t.Errorf("no accounts: %v, %v", empty, err)
	}
}

func TestReaderFails(t *testing.T) {
	broken := errors.New("unplugged")
	for _, file := range []string{"", TransfersHeader + "\n"} {
		_, err := ReadTransfers("f.csv", io.MultiReader(strings.NewReader(file), iotest.ErrReader(broken)))
		var bad *BadLines
		if !errors.Is(err, broken) || errors.As(err, &bad) {
			t.Errorf("after %q: %v", file, err)
		}
	}
}

func TestParseAmount(t *testing.T) {
	good := map[string]int64{"1": 100, "0.01": 1, "12.3": 1230, "2452.00": 245200, "007": 700, "90071992547409.91": MaxAmount, "0": 0}
	for s, want := range good {
		if got, err := ParseAmount(s); err != nil || got != want {
			t.Errorf("%s: %d, %v", s, got, err)
		}
	}
	for _, s := range []string{"", ".", "1.", ".5", "1.234", "+1", "-1", "1e3", " 1", "1 ", "1,5", "0x1", "1.2.3", "１",
		"90071992547409.92", "99999999999999999999"} {
		if got, err := ParseAmount(s); err == nil {
			t.Errorf("%q is read as %d", s, got)
		}
	}
}

func FuzzReadTransfers(f *testing.F) {
	f.Add(TransfersHeader + "\nT-1,HOME,1,YZ,87144583,2452.00,CZK\n")
	f.Add("\ufeff" + TransfersHeader + "\r\n\"T\",A,1,B,2,.5,EUR")
	f.Fuzz(func(t *testing.T, file string) {
		transfers, err := ReadTransfers("f.csv", strings.NewReader(file))
		for _, tr := range transfers {
			if err != nil || tr.Amount < 1 || tr.Amount > MaxAmount || tr.ID == "" || len(tr.Currency) != 3 {
				t.Errorf("%+v, %v", tr, err)
			}
		}
	})
}
