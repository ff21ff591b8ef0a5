// Command http-client starts a saga over HTTP with a client that was generated from Giro's OpenAPI
// document, waits for its end, and reads it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/girohq/giro/examples/http-client/api"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("http-client", flag.ContinueOnError)
	url := flags.String("url", "http://127.0.0.1:8484", "of the server")
	key := flags.String("key", "", "Idempotency-Key: the saga's id; the same again is the same saga")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 2 || *key == "" {
		return errors.New("usage: http-client -key KEY TYPE INPUT, where INPUT is a JSON object")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client, err := api.NewClientWithResponses(*url)
	if err != nil {
		return err
	}
	if err := start(ctx, client, *key, flags.Arg(0), flags.Arg(1)); err != nil {
		return err
	}
	return read(ctx, client, *key)
}

// start starts a saga, and waits up to ten seconds for its end.
func start(ctx context.Context, client *api.ClientWithResponses, key, sagaType, input string) error {
	var body map[string]any
	if err := json.Unmarshal([]byte(input), &body); err != nil {
		return fmt.Errorf("INPUT: %w", err)
	}
	wait := "wait=10"
	answer, err := client.PostSagasTypeWithResponse(ctx, sagaType, &api.PostSagasTypeParams{IdempotencyKey: key, Prefer: &wait}, body)
	switch {
	case err != nil:
		return err // not known whether it was accepted: run it again with the same key
	case answer.ApplicationproblemJSONDefault != nil:
		return refused(answer.ApplicationproblemJSONDefault)
	case answer.JSON200 != nil:
		fmt.Println("ended", answer.JSON200.State)
	case answer.JSON202 != nil:
		fmt.Println("accepted", answer.JSON202.State)
	}
	fmt.Println("replayed", answer.HTTPResponse.Header.Get("Idempotency-Replayed") == "true")
	return nil
}

func read(ctx context.Context, client *api.ClientWithResponses, id string) error {
	answer, err := client.GetSagasIdWithResponse(ctx, id)
	switch {
	case err != nil:
		return err
	case answer.JSON200 == nil:
		return refused(answer.ApplicationproblemJSONDefault)
	}
	fmt.Println("saga", answer.JSON200.Id, answer.JSON200.Type, answer.JSON200.State)
	return nil
}

// refused is a problem as an error: its code is for programs, its detail for people.
func refused(p *api.Problem) error {
	if p == nil {
		return errors.New("an answer that the document does not know")
	}
	return fmt.Errorf("%d %s: %s", p.Status, p.Code, p.Detail)
}
