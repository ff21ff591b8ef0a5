package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/girohq/giro/internal/wire"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
)

// verbTimeout bounds a request whose context has no end of its own. The orchestrator gives up
// after the same time.
const verbTimeout = 30 * time.Second

// call sends a request to a verb and decodes the answer.
func call[Answer any](ctx context.Context, c *Client, verb string, request any) (Answer, error) {
	var answer Answer
	body, err := json.Marshal(request)
	if err != nil {
		return answer, fmt.Errorf("%s: %w", verb, err)
	}
	data, err := c.ask(ctx, verb, body)
	if err != nil {
		return answer, err
	}
	return answer, decode(verb, data, &answer)
}

// ask sends a body to a verb once and returns the answer's.
func (c *Client) ask(ctx context.Context, verb string, body []byte) ([]byte, error) {
	return c.exchange(ctx, &nats.Msg{Subject: c.names.API(verb), Data: body}, verbTimeout)
}

// exchange sends one request and waits for its answer, at most for patience.
func (c *Client) exchange(ctx context.Context, m *nats.Msg, patience time.Duration) ([]byte, error) {
	if err := c.slot(ctx); err != nil {
		return nil, c.transportError(ctx, m.Subject, err)
	}
	defer c.free()
	try, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	answer, err := c.conn.RequestMsgWithContext(try, m)
	if err != nil {
		return nil, c.transportError(ctx, m.Subject, err)
	}
	return answer.Data, problemOf(answer)
}

// problemOf reads the problem in an answer that is one.
func problemOf(m *nats.Msg) error {
	code := m.Header.Get(micro.ErrorCodeHeader)
	if code == "" {
		return nil
	}
	p := &Problem{}
	if err := json.Unmarshal(m.Data, p); err == nil && p.Code != "" {
		return p
	}
	// Something between us and the orchestrator has answered in the words of micro only.
	status, err := strconv.Atoi(code)
	if err != nil {
		status = http.StatusServiceUnavailable
	}
	return &Problem{Title: "Refused", Status: status, Code: codeOf(status), Detail: m.Header.Get(micro.ErrorHeader)}
}

func codeOf(status int) string {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return wire.CodeUnauthorized
	case http.StatusNotFound:
		return wire.CodeNotFound
	case http.StatusConflict:
		return wire.CodeConflict
	}
	if status < http.StatusInternalServerError {
		return wire.CodeInvalid
	}
	return wire.CodeUnavailable
}

func decode(what string, data []byte, into any) error {
	if err := json.Unmarshal(data, into); err != nil {
		return unreadable(what, err)
	}
	return nil
}

func unreadable(what string, err error) error {
	return fmt.Errorf("%s: the answer cannot be read: %w", what, err)
}
