package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/girohq/giro/embedded"
	"github.com/girohq/giro/gateway"
	"github.com/girohq/giro/participants/ledger"
	"github.com/girohq/giro/saga"
	"github.com/rs/zerolog"
)

// TestTargets sends the targets as vegeta does: every one is a saga of its own, completes, and sent again
// is the same saga.
func TestTargets(t *testing.T) {
	url := server(t)
	const count = 200
	var out bytes.Buffer
	if err := (load{url: url, stem: "L", count: count, wait: 60}).write(&out); err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n"))
	if len(lines) != count {
		t.Fatalf("%d targets", len(lines))
	}
	seen := make(map[string]bool)
	for _, replayed := range []string{"", "true"} {
		for _, line := range lines {
			doc, header := attack(t, line)
			if doc.State != saga.Completed || header.Get("Idempotency-Replayed") != replayed {
				t.Fatalf("%s is %s, replayed %q", doc.ID, doc.State, header.Get("Idempotency-Replayed"))
			}
			seen[doc.ID] = true
		}
		if len(seen) != count {
			t.Errorf("%d sagas of %d targets", len(seen), count)
		}
	}
}

// TestAccepted: without -wait a target is answered when its saga is committed.
func TestAccepted(t *testing.T) {
	var out bytes.Buffer
	if err := (load{url: server(t), stem: "A", count: 1}).write(&out); err != nil {
		t.Fatal(err)
	}
	if doc, _ := attack(t, out.Bytes()); doc.ID != "A-0" {
		t.Errorf("%+v", doc)
	}
}

// attack sends one line of the program's output, with nothing but what stands in it.
func attack(t *testing.T, line []byte) (doc saga.Document, header http.Header) {
	t.Helper()
	var to struct {
		Method string      `json:"method"`
		URL    string      `json:"url"`
		Header http.Header `json:"header"`
		Body   []byte      `json:"body"`
	}
	if err := json.Unmarshal(line, &to); err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), to.Method, to.URL, bytes.NewReader(to.Body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = to.Header
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&doc); err != nil || resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusAccepted {
		t.Fatalf("%s: %v", resp.Status, err)
	}
	return doc, resp.Header
}

// server is what `giro dev` is: three banks of a hundred accounts, and a gateway.
func server(t *testing.T) (url string) {
	t.Helper()
	var accounts []ledger.Account
	for n := range accountsEach {
		accounts = append(accounts, ledger.Account{Account: strconv.Itoa(n + 1), Currency: "EUR", Balance: 1000_00})
	}
	var branches []ledger.Branch
	for _, bank := range banks {
		branches = append(branches, ledger.Branch{Bank: bank, Accounts: accounts})
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	node, err := embedded.New(ctx, embedded.Config{Data: t.TempDir(), Banks: branches, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	running(t, "node", node.Run)
	if err := node.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	g, err := gateway.New(gateway.Config{Orchestrator: node.Orchestrator(), Listen: "127.0.0.1:0", Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	running(t, "gateway", g.Run)
	return g.URL()
}

func running(t *testing.T, what string, run func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(fmt.Errorf("%s: %w", what, err))
		}
	})
}
