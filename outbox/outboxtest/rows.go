package outboxtest

import (
	"errors"
	"testing"
	"time"

	"github.com/girohq/giro/outbox"
	"github.com/google/go-cmp/cmp"
)

func frozen(t *testing.T, by Open) {
	db := open(t, by)
	m := outbox.Message{
		Key: "a", Subject: "s.a", Header: map[string][]string{"X": {"1", "", "a: b"}, "Y": {"ü "}}, Body: []byte{0, 1, 255},
		Attempt: 1, NotBefore: time.Unix(1_700_000_000, 123), Timeout: 5 * time.Second,
	}
	stored := func(when string) {
		t.Helper()
		must(t, db.Write(bg, func(tx outbox.Tx) error {
			got, err := outbox.Get(tx, "a")
			if diff := cmp.Diff(&m, got); diff != "" {
				t.Errorf("%s: %s", when, diff)
			}
			return err
		}))
	}
	put(t, db, m)
	stored("put")
	put(t, db, outbox.Message{Key: "a", Subject: "other", Body: []byte("other"), Attempt: 2, Timeout: time.Second})
	m.Attempt, m.NotBefore, m.Timeout = 2, time.Time{}, time.Second
	stored("put again")
	put(t, db, outbox.Message{Key: "a", Attempt: 3})
	m.Attempt, m.Timeout = 3, 0
	stored("put without a subject")
	must(t, db.Write(bg, func(tx outbox.Tx) error {
		return outbox.Amend(tx, "a", func(h map[string][]string) { h["Z"] = []string{"z"} })
	}))
	m.Header["Z"] = []string{"z"}
	stored("amended")
	must(t, db.Write(bg, func(tx outbox.Tx) error { return errors.Join(outbox.Delete(tx, "a"), outbox.Delete(tx, "a")) }))
	wantKeys(t, db)
}

func refused(t *testing.T, by Open) {
	db := open(t, by)
	for name, c := range map[string]struct {
		m    outbox.Message
		want error
	}{
		"no key":     {outbox.Message{Subject: "s", Attempt: 1}, outbox.ErrInvalid},
		"no attempt": {outbox.Message{Key: "a", Subject: "s"}, outbox.ErrInvalid},
		"header":     {outbox.Message{Key: "a", Subject: "s", Attempt: 1, Header: map[string][]string{"a": {"b\r\nc: d"}}}, outbox.ErrInvalid},
		"no row":     {outbox.Message{Key: "a", Attempt: 2}, outbox.ErrNoRow},
	} {
		if err := db.Write(bg, func(tx outbox.Tx) error { return outbox.Put(tx, c.m) }); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	err := db.Write(bg, func(tx outbox.Tx) error { _, err := outbox.Get(tx, "a"); return err })
	if !errors.Is(err, outbox.ErrNoRow) {
		t.Errorf("get of no row: %v", err)
	}
	wantKeys(t, db)
}

func ordered(t *testing.T, by Open) {
	for _, keys := range [][]string{{"z", "b"}, {"a", "z", "m"}} {
		db, err := by()
		must(t, err)
		for _, key := range keys {
			put(t, db, message(key))
		}
		must(t, db.Close())
	}
	wantKeys(t, open(t, by), "z", "b", "a", "m")
}
