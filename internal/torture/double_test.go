package torture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"pgregory.net/rapid"
)

// said is a frame that was sent; no other begins as it does.
type said struct {
	text    string
	message bool
}

// drawFrame makes the frame of a number. Its payload looks like frames now and then.
func drawFrame(rt *rapid.T, number int) said {
	const header = "NATS/1.0\r\n\r\n"
	payload := rapid.OneOf(rapid.StringN(0, 40, 200), rapid.SampledFrom([]string{"", "\r\n", "PING\r\n", "PUB a 5\r\n", "MSG a 1 70\r\n"})).Draw(rt, "payload")
	switch rapid.IntRange(0, 6).Draw(rt, "verb") {
	case 0:
		return said{fmt.Sprintf("PUB s.%d %d\r\n%s\r\n", number, len(payload), payload), true}
	case 1:
		return said{fmt.Sprintf("HPUB s.%d reply %d %d\r\n%s%s\r\n", number, len(header), len(header)+len(payload), header, payload), true}
	case 2:
		return said{fmt.Sprintf("MSG s.%d 1 %d\r\n%s\r\n", number, len(payload), payload), true}
	case 3:
		return said{fmt.Sprintf("HMSG s.%d 1 reply %d %d\r\n%s%s\r\n", number, len(header), len(header)+len(payload), header, payload), true}
	case 4:
		return said{fmt.Sprintf("SUB s.%d %d\r\n", number, number), false}
	case 5:
		return said{fmt.Sprintf("UNSUB %d\r\n", number), false}
	}
	return said{fmt.Sprintf("INFO {\"number\":%d}\r\n", number), false}
}

// heard tells what was sent apart in what has come: for each frame, how many whole frames had come before each time.
func heard(sent []said, out string) (places [][]int, frames int, err error) {
	places = make([][]int, len(sent))
	for next := 0; len(out) > 0; frames++ {
		found := -1
		for i, s := range sent {
			if strings.HasPrefix(out, s.text) {
				found = i
			}
		}
		switch {
		case found < 0:
			return places, frames, fmt.Errorf("nobody has sent %.60q", out)
		case len(places[found]) == 0 && found != next:
			return places, frames, fmt.Errorf("frame %d comes before frame %d", found, next)
		case len(places[found]) == 0:
			next++
		}
		places[found] = append(places[found], frames)
		out = out[len(sent[found].text):]
	}
	return places, frames, nil
}

// TestDoubles holds, for any frames cut anywhere: nothing is changed while nothing is carried twice; otherwise all
// come in their order, a message once or twice, all else once, and a copy lets no more pass than it may.
func TestDoubles(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var sent []said
		for n := range rapid.IntRange(1, 60).Draw(rt, "frames") {
			sent = append(sent, drawFrame(rt, n))
		}
		var text string
		for _, s := range sent {
			text += s.text
		}
		// Doubled from some byte to another one: mostly in the middle of frames.
		from := rapid.IntRange(0, len(text)).Draw(rt, "from")
		to := rapid.IntRange(from, len(text)).Draw(rt, "to")
		d := &doubling{share: rapid.IntRange(0, 4).Draw(rt, "share"), rng: rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))}
		var w way
		var out []byte
		copies := 0
		for at := 0; at < len(text); {
			end := min(at+rapid.IntRange(1, 300).Draw(rt, "piece"), len(text))
			during := d
			if at < from || at >= to {
				during = nil
			}
			more, n, err := w.carry([]byte(text[at:end]), during)
			if err != nil {
				rt.Fatal(err)
			}
			out, copies, at = append(out, more...), copies+n, end
			if len(w.held) > maxHeld || w.size > maxHeldSize || w.size < 0 {
				rt.Fatalf("%d copies of %d bytes are held", len(w.held), w.size)
			}
		}
		held := len(w.held)
		places, frames, err := heard(sent, string(out))
		if err != nil {
			rt.Fatalf("%v in %q", err, out)
		}
		if copies != frames-len(sent) || (from == to || d.share == 0) && string(out) != text {
			rt.Fatalf("%d copies of %d frames are %d", copies, len(sent), frames)
		}
		for i, p := range places {
			switch {
			case len(p) == 0 || len(p) > 2 || len(p) == 2 && !sent[i].message:
				rt.Fatalf("%q came %d times", sent[i].text, len(p))
			case len(p) == 2 && p[1]-p[0]-1 > maxPassed+maxHeld:
				rt.Fatalf("the copy of %q let %d frames and copies pass", sent[i].text, p[1]-p[0]-1)
			}
		}
		if d.share == 4 && from == 0 && to == len(text) && len(sent) <= maxHeld {
			for i, p := range places {
				if sent[i].message && len(p) == 1 {
					held--
				}
			}
			if held != 0 {
				rt.Fatalf("of the messages that came once, %d are held too many", held)
			}
		}
	})
}

// TestDoublesAreBounded holds that what is too much to be held is carried once.
func TestDoublesAreBounded(t *testing.T) {
	payload := bytes.Repeat([]byte("x"), maxHeldSize/3)
	all := bytes.Repeat(fmt.Appendf(nil, "PUB a %d\r\n%s\r\n", len(payload), payload), 40)
	large := fmt.Appendf(nil, "PUB b %d\r\n%s\r\n", maxHeldSize, bytes.Repeat([]byte("y"), maxHeldSize))
	all = append(all, large...)
	all = append(all, bytes.Repeat([]byte("PUB c 0\r\n\r\n"), 1000)...)
	d, w := &doubling{share: 4, rng: rand.New(rand.NewPCG(1, 1))}, way{}
	var out []byte
	for at := 0; at < len(all); at += 1000 {
		more, _, err := w.carry(all[at:min(at+1000, len(all))], d)
		if out = append(out, more...); err != nil || w.size > maxHeldSize || len(w.held) > maxHeld {
			t.Fatalf("%d copies of %d bytes are held, %v", len(w.held), w.size, err)
		}
	}
	if n := bytes.Count(out, []byte("PUB a ")); n <= 50 || n >= 80 {
		t.Errorf("40 large messages came %d times", n)
	}
	if n := bytes.Count(out, []byte("PUB b ")); n != 1 {
		t.Errorf("a message too large to be held came %d times", n)
	}
	if n := bytes.Count(out, []byte("PUB c ")); n < 1900 || n > 2000 {
		t.Errorf("1,000 small messages came %d times", n)
	}
	out, _, err := w.carry([]byte("PING\r\n"), nil)
	if err != nil || w.size != 0 || len(w.held) != 0 || !bytes.HasPrefix(out, []byte("PING\r\n")) {
		t.Errorf("%d copies of %d bytes are held when nothing comes twice any more, %v", len(w.held), w.size, err)
	}
}

// connected has a real broker, a link to it, and two connections: over the link and past it.
func connected(t *testing.T) (l *link, over, past *nats.Conn) {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the broker does not start")
	}
	if l, err = newLink("somebody", s.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.close)
	if over, err = nats.Connect(l.url()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(over.Close)
	if past, err = nats.Connect(s.ClientURL()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(past.Close)
	return l, over, past
}

// TestTwice holds, with a real broker: messages come twice over a link while it is struck, both ways, and once
// again afterwards.
func TestTwice(t *testing.T) {
	l, conn, direct := connected(t)
	var subs []*nats.Subscription
	for _, c := range []*nats.Conn{conn, direct} {
		sub, err := c.SubscribeSync("news")
		if err != nil || c.Flush() != nil {
			t.Fatal(err, c.LastError())
		}
		subs = append(subs, sub)
	}
	publish := func(from *nats.Conn) {
		for range 100 {
			if err := from.Publish("news", []byte("hear, hear")); err != nil {
				t.Fatal(err)
			}
		}
		// What is still held goes with what comes next, and each connection has had what came before its PONG.
		for range maxPassed + 1 {
			if err := errors.Join(conn.Flush(), direct.Flush()); err != nil {
				t.Fatal(err)
			}
		}
	}
	came := func(sub *nats.Subscription) int {
		n, _, err := sub.Pending()
		if err != nil {
			t.Fatal(err)
		}
		for range n {
			if _, err := sub.NextMsg(time.Second); err != nil {
				t.Fatal(err)
			}
		}
		return n
	}
	d := &doubling{share: 4, rng: rand.New(rand.NewPCG(1, 1))}
	l.disturb(func(l *link) { l.twice = d })
	publish(direct) // each comes twice from the broker
	if a, b := came(subs[0]), came(subs[1]); a < 150 || a > 200 || b != 100 {
		t.Errorf("100 messages came over the link %d times, and past it %d times", a, b)
	}
	publish(conn) // each comes twice to the broker
	if a, b := came(subs[0]), came(subs[1]); a < 300 || a > 400 || b < 150 || b > 200 {
		t.Errorf("100 messages over the link came %d times over it, and past it %d times", a, b)
	}
	if n := d.count(0); n < 300 || n > 500 {
		t.Errorf("%d messages were carried twice", n)
	}
	l.heal()
	publish(conn)
	if a, b := came(subs[0]), came(subs[1]); a != 100 || b != 100 {
		t.Errorf("when all is well 100 messages come %d and %d times", a, b)
	}
}

// TestNotTwice holds that the fault has not fired where nothing was said.
func TestNotTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &link{name: "nobody"}
		l.changed = sync.NewCond(&l.mu)
		_, err := twice(context.Background(), &system{links: []*link{l}}, rand.New(rand.NewPCG(1, 1)))
		if !errors.Is(err, errNotFired) || l.twice != nil {
			t.Errorf("%v, %v", err, l.twice)
		}
	})
}
