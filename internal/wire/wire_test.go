package wire_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/saga"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func names(t testing.TB) wire.Names {
	t.Helper()
	n, err := wire.New("")
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func command() saga.Command {
	return saga.Command{
		SagaID: "T-1", SagaType: "transfer", Step: "debit", Kind: saga.Compensatable, Direction: saga.Backward, Known: saga.KnownUnknown,
		Attempt: 3, Participant: "HOME", Action: "refund", Key: "87/144 583", Revision: 7,
		Deadline: time.Date(2026, 1, 2, 3, 4, 5, 678_000, time.UTC),
		Expires:  time.Date(2026, 1, 2, 4, 4, 5, 678_901, time.UTC), Expiry: saga.ExpiryAlert, TraceParent: "00-1-2-01", Body: []byte(`{"account":"1"}`),
	}
}

func TestCommandTravels(t *testing.T) {
	n, want := names(t), command()
	subject, header := wire.EncodeCommand(n, want, "store1")
	if subject != "saga.command.HOME.refund.~ODcvMTQ0IDU4Mw" {
		t.Errorf("subject %s", subject)
	}
	header["Saga-Attempt"] = []string{"3"}
	got, env, err := wire.DecodeCommand(n, subject, header, want.Body)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if env.Origin != "store1" || env.ReplyTo != "saga.reply.HOME.T-1" {
		t.Errorf("envelope %+v", env)
	}
}

// TestExpiryTravelsWhole: a time without what is done then, or the other way round, is no command.
func TestExpiryTravelsWhole(t *testing.T) {
	n := names(t)
	for _, absent := range []string{"Saga-Expires", "Saga-Expiry"} {
		subject, header := wire.EncodeCommand(n, command(), "store1")
		header["Saga-Attempt"] = []string{"1"}
		delete(header, absent)
		if _, _, err := wire.DecodeCommand(n, subject, header, nil); !errors.Is(err, wire.ErrMalformed) {
			t.Errorf("without %s: %v", absent, err)
		}
	}
	plain := command()
	plain.Expires, plain.Expiry = time.Time{}, ""
	_, header := wire.EncodeCommand(n, plain, "store1")
	if header["Saga-Expires"] != nil || header["Saga-Expiry"] != nil {
		t.Errorf("a command without expiry says %v", header)
	}
}

func TestReplyTravels(t *testing.T) {
	want := saga.Reply{SagaID: "T-1", Step: "debit~1", Direction: saga.Forward, Attempt: 2, Participant: "HOME", Outcome: saga.Retried,
		Code: "busy", Message: "come again", RetryAfter: 1500 * time.Millisecond, Body: []byte(`{}`)}
	got, origin, err := wire.DecodeReply(names(t), "saga.reply.HOME.T-1", wire.EncodeReply(want, "store1"), want.Body)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" || origin != "store1" {
		t.Error(diff, origin)
	}
}

// TestMalformedCommands breaks one thing at a time.
func TestMalformedCommands(t *testing.T) {
	n := names(t)
	for name, value := range map[string]string{
		"Saga-Id": "T.1", "Saga-Step": "debit~", "Saga-Direction": "sideways", "Saga-Kind": "odd", "Saga-Known": "", "Saga-Attempt": "0", "Saga-Op": "T-1/debit/forward",
		"Saga-Origin": "", "Saga-Revision": "-1", "Saga-Reply-To": "saga.reply.EVIL.T-1", "Saga-Deadline": "tomorrow",
		"Saga-Expires": "tomorrow", "Saga-Expiry": "keep",
	} {
		subject, header := wire.EncodeCommand(n, command(), "store1")
		header["Saga-Attempt"] = []string{"1"}
		header[name] = []string{value}
		if _, _, err := wire.DecodeCommand(n, subject, header, nil); !errors.Is(err, wire.ErrMalformed) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s %q: %v", name, value, err)
		}
	}
	for _, subject := range []string{"saga.command.HOME.refund", "saga.command.HOME.refund.a.b", "saga.command.HOME.refund.~!", "other.command.HOME.refund.1"} {
		_, header := wire.EncodeCommand(n, command(), "store1")
		header["Saga-Attempt"] = []string{"1"}
		if _, _, err := wire.DecodeCommand(n, subject, header, nil); !errors.Is(err, wire.ErrMalformed) {
			t.Errorf("subject %s: %v", subject, err)
		}
	}
}

func TestMalformedReplies(t *testing.T) {
	n := names(t)
	good := saga.Reply{SagaID: "T-1", Step: "debit", Direction: saga.Forward, Attempt: 1, Outcome: saga.Succeeded}
	for name, value := range map[string]string{
		"Saga-Id": "T-2", "Saga-Step": "", "Saga-Direction": "", "Saga-Attempt": "x", "Saga-Op": "", "Saga-Outcome": "ok", "Saga-Retry-After": "soon",
	} {
		header := wire.EncodeReply(good, "store1")
		header[name] = []string{value}
		if _, _, err := wire.DecodeReply(n, "saga.reply.HOME.T-1", header, nil); !errors.Is(err, wire.ErrMalformed) {
			t.Errorf("%s %q: %v", name, value, err)
		}
	}
	if _, _, err := wire.DecodeReply(n, "saga.reply.HOME.T-1", wire.EncodeReply(good, "store1"), []byte(`[1]`)); !errors.Is(err, wire.ErrMalformed) {
		t.Errorf("a body that is no object: %v", err)
	}
}

// TestErrorTextStaysOneHeader: what another program says cannot end a header early.
func TestErrorTextStaysOneHeader(t *testing.T) {
	h := wire.EncodeReply(saga.Reply{Message: "a\r\nSaga-Outcome: succeeded\x00"}, "store1")
	if got := h["Saga-Error"][0]; strings.ContainsAny(got, "\r\n\x00") {
		t.Errorf("%q", got)
	}
}

func TestKeysTravel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := string(rapid.SliceOfN(rapid.Byte(), 1, saga.MaxKey).Draw(t, "key"))
		token := wire.EscapeKey(key)
		if strings.ContainsAny(token, ".*> \t\r\n") {
			t.Fatalf("%q is not one token", token)
		}
		if got, ok := wire.UnescapeKey(token); !ok || got != key {
			t.Fatalf("%q became %q, %v", key, got, ok)
		}
	})
}

func TestOnlyOneSpellingOfAKey(t *testing.T) {
	for _, token := range []string{"", "~", "~MQ", "~MR", "a.b", "~" + strings.Repeat("A", 400)} {
		if key, ok := wire.UnescapeKey(token); ok {
			t.Errorf("%q was read as %q", token, key)
		}
	}
}

func TestPrefix(t *testing.T) {
	n, err := wire.New("stg")
	if err != nil {
		t.Fatal(err)
	}
	if got := n.Starts() + " " + n.StartSubject("transfer", "T-1") + " " + n.API("get"); got != "STG_STARTS stg.start.transfer.T-1 stg.api.v1.get" {
		t.Error(got)
	}
	for _, bad := range []string{"a.b", "Stg"} {
		if _, err := wire.New(bad); err == nil {
			t.Errorf("prefix %q was taken", bad)
		}
	}
}

func TestLane(t *testing.T) {
	n, err := wire.New("x")
	if err != nil {
		t.Fatal(err)
	}
	debit, refund, other := n.CommandSubject("A", "debit", "7"), n.CommandSubject("A", "refund", "7"), n.CommandSubject("B", "debit", "7")
	if n.Lane(debit) != n.Lane(refund) || n.Lane(debit) == n.Lane(other) || n.Lane(debit) == n.Lane(n.CommandSubject("A", "debit", "8")) {
		t.Errorf("lanes %s %s %s", n.Lane(debit), n.Lane(refund), n.Lane(other))
	}
	for _, s := range []string{"x.event.a.b", "x.command.A", "y.command.A.debit.7"} {
		if n.Lane(s) != s {
			t.Errorf("%s is in lane %s", s, n.Lane(s))
		}
	}
}
