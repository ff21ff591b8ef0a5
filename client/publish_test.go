package client_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go/jetstream"
)

func TestPublish(t *testing.T) {
	n, _ := startNodeOn(t, t.TempDir(), "")
	conn := connect(t, n)
	c, ctx := clientOf(t, conn), within(t)

	id, err := c.Publish(ctx, "transfer", "", pays(7))
	if err != nil || id == "" {
		t.Fatal(id, err)
	}
	doc := appears(t, c, id)
	if doc.State != saga.Completed {
		t.Errorf("%+v", doc)
	}
	t.Run("the same through the other door is the same saga", func(t *testing.T) {
		again, err := c.Start(ctx, "transfer", id, pays(7))
		if err != nil || again.Created != doc.Created {
			t.Errorf("%+v, %v", again, err)
		}
	})
	t.Run("a refused start is a dead letter, a corrected one starts", func(t *testing.T) {
		if _, err := c.Publish(ctx, "transfer", "P-1", map[string]any{"amount": "no"}); err != nil {
			t.Fatal(err)
		}
		awaitDeadLetter(t, ctx, clientJetStream(t, conn))
		if _, err := c.Publish(ctx, "transfer", "P-1", pays(1)); err != nil {
			t.Fatal(err)
		}
		if doc := appears(t, c, "P-1"); doc.State != saga.Completed {
			t.Errorf("%+v", doc)
		}
	})
	t.Run("what cannot be right is not sent", func(t *testing.T) {
		_, err := c.Publish(ctx, "transfer", "a.b", pays(1))
		wantProblem(t, err, client.CodeInvalid, "'.'")
	})
}

// appears waits until a published start was read and its saga has ended.
func appears(t *testing.T, c *client.Client, id string) saga.Document {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	ctx := within(t)
	for {
		doc, err := c.Wait(ctx, id)
		var p *client.Problem
		if !errors.As(err, &p) || p.Code != client.CodeNotFound {
			if err != nil {
				t.Fatal(err)
			}
			return doc
		}
		<-tick.C
	}
}

func awaitDeadLetter(t *testing.T, ctx context.Context, js jetstream.JetStream) {
	t.Helper()
	consumer, err := js.CreateConsumer(ctx, "SAGA_DEAD", jetstream.ConsumerConfig{FilterSubject: "saga.dead.start"})
	if err != nil {
		t.Fatal(err)
	}
	m, err := consumer.Next(jetstream.FetchMaxWait(patience))
	if err != nil || m.Headers().Get("Saga-Error-Code") != client.CodeInvalid {
		t.Fatal(m, err)
	}
}

func TestPublishWithoutStreams(t *testing.T) {
	c := clientOf(t, startBroker(t))
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := c.Publish(ctx, "transfer", "T-1", pays(1)); !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("error is %v, want ErrUnreachable", err)
	}
}
