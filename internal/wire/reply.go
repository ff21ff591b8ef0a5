package wire

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
)

// EncodeReply returns the headers of a reply; its subject is the command's Saga-Reply-To.
// Nats-Msg-Id is set by who sends it.
func EncodeReply(r saga.Reply, origin string) nats.Header {
	values := [...]string{r.SagaID, r.Step, string(r.Direction), strconv.Itoa(r.Attempt), r.Op(), origin, string(r.Outcome)}
	h := make(nats.Header, len(values)+4)
	for i, name := range replyHeaders {
		h[name] = values[i : i+1 : i+1]
	}
	if r.Code != "" {
		h[HeaderErrorCode] = []string{oneLine(r.Code)}
	}
	if r.Message != "" {
		h[HeaderError] = []string{oneLine(r.Message)}
	}
	if r.RetryAfter > 0 {
		h[HeaderRetryAfter] = []string{r.RetryAfter.String()}
	}
	return h
}

var replyHeaders = [...]string{HeaderID, HeaderStep, HeaderDirection, HeaderAttempt, HeaderOp, HeaderOrigin, HeaderOutcome}

// DecodeReply reads a reply and the origin it echoes. The error wraps [ErrMalformed].
func DecodeReply(n Names, subject string, h nats.Header, body []byte) (saga.Reply, string, error) {
	r := saga.Reply{
		SagaID: get(h, HeaderID), Step: get(h, HeaderStep), Direction: saga.Direction(get(h, HeaderDirection)),
		Outcome: saga.Outcome(get(h, HeaderOutcome)), Code: get(h, HeaderErrorCode), Message: get(h, HeaderError), Body: body,
	}
	origin := get(h, HeaderOrigin)
	participant, id, ok := n.ParseReply(subject)
	r.Participant = participant
	if !ok || id != r.SagaID {
		return r, origin, fmt.Errorf("%w: subject %q is not the reply subject of saga %q", ErrMalformed, subject, r.SagaID)
	}
	var err error
	if r.Attempt, err = strconv.Atoi(get(h, HeaderAttempt)); err != nil {
		return r, origin, malformed(HeaderAttempt, get(h, HeaderAttempt))
	}
	if after := get(h, HeaderRetryAfter); after != "" {
		if r.RetryAfter, err = time.ParseDuration(after); err != nil {
			return r, origin, malformed(HeaderRetryAfter, after)
		}
	}
	return r, origin, checkReply(r, get(h, HeaderOp))
}

func checkReply(r saga.Reply, op string) error {
	switch {
	case !saga.IsID(r.SagaID):
		return malformed(HeaderID, r.SagaID)
	case !isStepRun(r.Step):
		return malformed(HeaderStep, r.Step)
	case !r.Direction.Valid():
		return malformed(HeaderDirection, string(r.Direction))
	case !r.Outcome.Valid():
		return malformed(HeaderOutcome, string(r.Outcome))
	case op != r.Op():
		return malformed(HeaderOp, op)
	}
	return checkReplyBody(r)
}

func checkReplyBody(r saga.Reply) error {
	if len(r.Body) == 0 {
		return nil
	}
	if err := saga.CheckObject(r.Body); err != nil {
		return fmt.Errorf("%w: body: %w", ErrMalformed, err)
	}
	return nil
}

// oneLine keeps a text from another program from ending a header early.
func oneLine(s string) string {
	if !strings.ContainsAny(s, "\r\n\x00") {
		return s
	}
	return strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ", "\x00", " ").Replace(s)
}
