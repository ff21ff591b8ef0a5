package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// syncBuffer is what a program has written so far.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) Bytes() []byte { return []byte(b.String()) }

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

var bannerURL = regexp.MustCompile(`NATS +(nats://127\.0\.0\.1:[0-9]+)`)

// TestDev runs the server of a first try: banner, definitions, banks, a transfer, and the end.
func TestDev(t *testing.T) {
	dir := t.TempDir()
	definition := "saga: deposit\nversion: 1\nsteps:\n  - {id: pay, participant: A, action: credit, kind: pivot}\n"
	if err := os.WriteFile(filepath.Join(dir, "deposit.yaml"), []byte(definition), 0o600); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	dev := giro(t, "dev", "--nats", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data", data, "--definitions", dir)
	dev.watch(t, func() bool { return strings.Contains(dev.stderr.String(), "Ctrl-C") })
	url := bannerURL.FindStringSubmatch(dev.stderr.String())
	if url == nil || !strings.Contains(dev.stderr.String(), "giro start transfer") || !strings.Contains(dev.stderr.String(), data) {
		t.Fatalf("banner:\n%s", dev.stderr.String())
	}
	input := `{"from":{"bank":"A","account":"100"},"to":{"bank":"C","account":"1"},"amount":100000,"currency":"EUR"}`
	for command, want := range map[string]int{
		"start transfer --id T-1 --wait --input " + input: exitOK,
		"health":                  exitOK,
		"definitions get deposit": exitOK,
		"audit --data " + data:    exitOK,
	} {
		p := giro(t, append(strings.Fields(command), "--server", url[1])...)
		if code := p.end(t, nil); code != want {
			t.Errorf("giro %s: exit code %d, want %d\n%s", command, code, want, p.stderr.String())
		}
	}
	if code := dev.end(t, syscall.SIGTERM); code != exitOK {
		t.Errorf("exit code %d\n%s", code, dev.stderr.String())
	}
	if strings.Contains(dev.stderr.String(), "ERR") || strings.Contains(dev.stderr.String(), "WRN") {
		t.Errorf("it complained:\n%s", dev.stderr.String())
	}
}

// TestDevWithoutPort opens none and says so.
func TestDevWithoutPort(t *testing.T) {
	dev := giro(t, "dev", "--nats", "none", "--http", "none", "--data", t.TempDir())
	dev.watch(t, func() bool { return strings.Contains(dev.stderr.String(), "Ctrl-C") })
	if bannerURL.MatchString(dev.stderr.String()) {
		t.Errorf("banner:\n%s", dev.stderr.String())
	}
	if code := dev.end(t, syscall.SIGINT); code != exitOK {
		t.Errorf("exit code %d\n%s", code, dev.stderr.String())
	}
}

// TestDevPortTaken says what to do when somebody listens already.
func TestDevPortTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dev := giro(t, "dev", "--nats", l.Addr().String(), "--http", "none", "--data", t.TempDir())
	if code := dev.end(t, nil); code != exitError {
		t.Errorf("exit code %d", code)
	}
	for _, words := range []string{fmt.Sprintf("%s: the address is taken", l.Addr()), "try: giro dev --nats"} {
		if !strings.Contains(dev.stderr.String(), words) {
			t.Errorf("%q is not in\n%s", words, dev.stderr.String())
		}
	}
}
