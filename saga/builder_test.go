package saga

import (
	"encoding/json"
	"testing"
	"time"
)

// The builder and a file that say the same are the same definition.
func TestBuilderMakesTheSameDocument(t *testing.T) {
	built, err := New("trip").Version(3).Description("Book a trip, all or nothing.").
		Input(json.RawMessage(`{"type":"object","required":["customer"]}`)).
		Deadline(72 * time.Hour).
		Output(map[string]any{"room": "${results.hotel.room}"}).
		Step("hotel").On("hotels").Do("book").Key("${input.customer}").
		Args(map[string]any{"nights": 3, "test": "${input.customer > 'a'}"}).
		UndoWith(UndoDefinition{Action: "cancel", Timeout: time.Second, Retry: RetryPolicy{Attempts: 7}}).
		Timeout(5 * time.Second).
		Retry(RetryPolicy{Attempts: 3, Backoff: time.Second, Factor: 1.5, Max: 10 * time.Second, Not: []string{"closed"}}).
		Step("car").On("cars").Do("book").Undo("cancel").
		Step("rates").On("desk").Do("show").Read().
		Step("pay").On("cards").Do("charge").Pivot().
		Step("ticket").On("desk").Do("print").Retriable().
		Build()
	if err != nil {
		t.Fatal(err)
	}
	written := parse(t, `
saga: trip
version: 3
description: Book a trip, all or nothing.
input: {type: object, required: [customer]}
deadline: 72h0m0s
output: {room: "${results.hotel.room}"}
steps:
  - id: hotel
    participant: hotels
    action: book
    key: ${input.customer}
    args: {nights: 3, test: "${input.customer > 'a'}"}
    undo: {action: cancel, timeout: 1s, retry: {attempts: 7}}
    timeout: 5s
    retry: {attempts: 3, backoff: 1s, factor: 1.5, max: 10s, not: [closed]}
  - {id: car, participant: cars, action: book, undo: cancel}
  - {id: rates, participant: desk, action: show, kind: read}
  - {id: pay, participant: cards, action: charge, kind: pivot}
  - {id: ticket, participant: desk, action: print, kind: retriable}
`)
	if built.Digest() != written.Digest() {
		t.Errorf("built   %s\nwritten %s", built.Source(), written.Source())
	}
}

// So is one with every form.
func TestBuilderHasEveryForm(t *testing.T) {
	built, err := New("trip").
		Step("hotel").On("hotels").Do("book").Undo("cancel").Each("${input.nights}", 5).
		Step("flight").On("flights").Do("book").Undo("cancel").After().When("${input.far}").
		Step("nap").Sleep("${input.days}d").After("hotel", "flight").
		Step("word").AwaitOr("yes", "no", time.Hour, OnTimeoutContinue).
		Step("word2").Await("sure", 0, "").
		Step("stay").Run("stay", map[string]any{"who": "${input.who}"}).Compensatable().
		Step("money").On("bank").Hold("reserve", "capture", "release").Expires(time.Minute).
		Step("print").On("desk").Do("print").Each("${results.hotel}", 0).Retriable().
		Build()
	if err != nil {
		t.Fatal(err)
	}
	written := parse(t, `
saga: trip
steps:
  - {id: hotel, participant: hotels, action: book, undo: cancel, each: "${input.nights}", parallel: 5}
  - {id: flight, participant: flights, action: book, undo: cancel, after: [], when: "${input.far}"}
  - {id: nap, sleep: "${input.days}d", after: [hotel, flight]}
  - {id: word, await: {signal: "yes", reject: "no", timeout: 1h0m0s, on_timeout: continue}}
  - {id: word2, await: {signal: sure}}
  - {id: stay, run: {saga: stay, input: {who: "${input.who}"}}, kind: compensatable}
  - {id: money, participant: bank, try: reserve, confirm: capture, cancel: release, expires: 1m0s}
  - {id: print, participant: desk, action: print, each: "${results.hotel}", kind: retriable}
`)
	if built.Digest() != written.Digest() {
		t.Errorf("built   %s\nwritten %s", built.Source(), written.Source())
	}
}

func TestBuilderErrors(t *testing.T) {
	for want, b := range map[string]interface {
		Build() (*Definition, error)
	}{
		"steps is not a list of steps: write at least one step: - {id: ..., participant: ..., action: ...}":             New("x"),
		`step "a": participant is missing: add participant: ...`:                                                        New("x").Step("a").Do("b"),
		"saga x: json: unsupported type: func()":                                                                        New("x").Input(func() {}),
		`timeout: "-1s" is not a duration, or not a positive one: write a number and a unit: 200ms, 30s, 5m, 1h30m, 3d`: New("x").Step("a").On("p").Do("b").Timeout(-time.Second),
	} {
		if _, err := b.Build(); err == nil || err.Error() != want && err.Error() != `step "a": `+want {
			t.Errorf("error is %v, want %s", err, want)
		}
	}
}
