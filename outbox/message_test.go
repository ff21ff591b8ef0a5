package outbox

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func put(t testing.TB, db *DB, all ...Message) {
	t.Helper()
	must(t, db.Write(bg, func(tx Tx) error {
		for _, m := range all {
			if err := Put(tx, m); err != nil {
				return err
			}
		}
		return nil
	}))
}

func readMessage(t testing.TB, db *DB, key string) *Message {
	t.Helper()
	m, err := (&Relay{cfg: RelayConfig{DB: db}}).read(bg, key)
	must(t, err)
	return m
}

func TestPutStoresAndFreezes(t *testing.T) {
	db := openAt(t, newPath(t))
	m := Message{
		Key: "a", Subject: "s.a", Header: map[string][]string{"X": {"1", "", "a: b"}, "Y": {"ü "}}, Body: []byte{0, 1, 255},
		Attempt: 1, NotBefore: time.Unix(1_700_000_000, 123), Timeout: 5 * time.Second,
	}
	put(t, db, m)
	if diff := cmp.Diff(&m, readMessage(t, db, "a")); diff != "" {
		t.Fatal(diff)
	}
	put(t, db, Message{Key: "a", Subject: "other", Header: map[string][]string{"Z": {"z"}}, Body: []byte("other"), Attempt: 2, Timeout: time.Second})
	m.Attempt, m.NotBefore, m.Timeout = 2, time.Time{}, time.Second
	if diff := cmp.Diff(&m, readMessage(t, db, "a")); diff != "" {
		t.Fatal("after a second Put:", diff)
	}
	put(t, db, Message{Key: "a", Attempt: 3})
	m.Attempt, m.Timeout = 3, 0
	if diff := cmp.Diff(&m, readMessage(t, db, "a")); diff != "" {
		t.Fatal("after a Put without a subject:", diff)
	}
	must(t, db.Write(bg, func(tx Tx) error { return errors.Join(Delete(tx, "a"), Delete(tx, "a")) }))
	if n := count(t, db, "outbox"); n != 0 {
		t.Fatalf("%d rows after Delete", n)
	}
}

func TestPutRefuses(t *testing.T) {
	db := openAt(t, newPath(t))
	for name, c := range map[string]struct {
		m    Message
		want error
	}{
		"no key":       {Message{Subject: "s", Attempt: 1}, ErrInvalid},
		"no attempt":   {Message{Key: "a", Subject: "s"}, ErrInvalid},
		"bad timeout":  {Message{Key: "a", Subject: "s", Attempt: 1, Timeout: -1}, ErrInvalid},
		"header name":  {Message{Key: "a", Subject: "s", Attempt: 1, Header: map[string][]string{"a:b": {""}}}, ErrInvalid},
		"header value": {Message{Key: "a", Subject: "s", Attempt: 1, Header: map[string][]string{"a": {"b\r\nc: d"}}}, ErrInvalid},
		"no row":       {Message{Key: "a", Attempt: 2}, ErrNoRow},
	} {
		if err := db.Write(bg, func(tx Tx) error { return Put(tx, c.m) }); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if n := count(t, db, "outbox"); n != 0 {
		t.Fatalf("%d rows", n)
	}
}

func TestRowsKeepTheOrderOfTheirFirstPut(t *testing.T) {
	path := newPath(t)
	for _, keys := range []string{"z,b", "a,m"} { // two boots
		db, err := Open(bg, Config{Path: path})
		must(t, err)
		for key := range strings.SplitSeq(keys, ",") {
			put(t, db, Message{Key: key, Subject: "s", Attempt: 1}, Message{Key: "z", Subject: "s", Attempt: 1})
		}
		must(t, db.Close())
	}
	db := openAt(t, path)
	var keys []string
	must(t, db.Read().Select(&keys, `SELECT key FROM outbox ORDER BY seq`))
	if diff := cmp.Diff([]string{"z", "b", "a", "m"}, keys); diff != "" {
		t.Fatal(diff)
	}
}

func TestHeadersSurviveTheTable(t *testing.T) {
	name := rapid.StringMatching(`[A-Za-z][A-Za-z0-9-]{0,20}`)
	value := rapid.StringMatching(`[^\r\n]{0,30}`)
	rapid.Check(t, func(t *rapid.T) {
		h := rapid.MapOf(name, rapid.SliceOfN(value, 1, 3)).Draw(t, "header")
		text, err := encodeHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(h, decodeHeader(text)); diff != "" {
			t.Fatal(diff)
		}
	})
}
