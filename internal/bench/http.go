package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/embedded"
	"github.com/girohq/giro/gateway"
	"github.com/girohq/giro/saga"
	"github.com/rs/zerolog"
)

// web is door 3: the gateway, on a loopback address, with connections that are kept.
type web struct {
	url   string
	http  *http.Client
	stop  context.CancelFunc
	ended chan error
}

const (
	// connections is as many as the gateway takes; more callers queue.
	connections = 4096
	// again is the pause before a start is repeated that was refused for now.
	again = 50 * time.Millisecond
)

func openGateway(ctx context.Context, node *embedded.Node, log zerolog.Logger) (*web, error) {
	g, err := gateway.New(gateway.Config{Orchestrator: node.Orchestrator(), Listen: "127.0.0.1:0", Log: log})
	if err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	w := &web{url: g.URL(), stop: stop, ended: make(chan error, 1)}
	w.http = &http.Client{Transport: &http.Transport{MaxConnsPerHost: connections, MaxIdleConnsPerHost: connections}}
	go func() { w.ended <- g.Run(running) }()
	return w, nil
}

// Start implements [drive.Starter]. It repeats a start that is refused for now: it starts only one saga.
func (w *web) Start(ctx context.Context, sagaType, id string, input any, _ ...client.StartOption) (saga.Document, error) {
	body, err := json.Marshal(input)
	if err != nil {
		return saga.Document{}, err
	}
	for {
		doc, err := w.post(ctx, sagaType, id, body)
		if problem, refused := asProblem(err); !refused || problem.Code != client.CodeUnavailable {
			return doc, err
		}
		select {
		case <-time.After(again):
		case <-ctx.Done():
			return doc, context.Cause(ctx)
		}
	}
}

func (w *web) post(ctx context.Context, sagaType, id string, body []byte) (doc saga.Document, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url+"/v1/sagas/"+sagaType, bytes.NewReader(body))
	if err != nil {
		return doc, err
	}
	req.Header = http.Header{"Content-Type": {"application/json"}, "Idempotency-Key": {id}, "Prefer": {"wait=10"}}
	resp, err := w.http.Do(req)
	if err != nil {
		return doc, err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return doc, err
	}
	if resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusAccepted {
		return doc, json.Unmarshal(data, &doc)
	}
	var problem client.Problem
	if err := json.Unmarshal(data, &problem); err != nil || problem.Code == "" {
		return doc, fmt.Errorf("http: %s: %.200s", resp.Status, data)
	}
	return doc, &problem
}

func (w *web) commits() int64 { return 0 }

func (w *web) close() error {
	w.http.CloseIdleConnections()
	w.stop()
	return <-w.ended
}
