package orchestrator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
)

// serviceVersion is the version of the API, as `nats service ls` shows it.
const serviceVersion = "1.0.0"

// verb is one endpoint of the micro service: JSON in, JSON out.
type verb struct {
	name        string
	description string
	handle      func(ctx context.Context, body []byte, header nats.Header) (any, error)
}

// verbs are the endpoints but start, which answers in its own time.
func (o *Orchestrator) verbs() []verb {
	return []verb{
		{"get", `{"id"} -> the saga`, decoded(o.get)},
		{"list", `{"type","state","since","limit","cursor"} -> {"items","next"}, newest first`, decoded(o.list)},
		{"history", `{"id"} -> {"items"}, oldest first`, decoded(o.history)},
		{"cancel", `{"id","reason"} -> the saga; what ran is undone`, decoded(o.cancel)},
		{"retry", `{"id","step","reason"} -> the saga; a suspended saga goes on`, decoded(o.retry)},
		{"signal", `{"id","name","data"} -> the saga; what an await waits for`, decoded(o.signal)},
		{"skip", `{"id","step","reason","force"} -> the saga; it goes on without the step`, decoded(o.skip)},
		{"resolve", `{"id","step","reason","result","force"} -> the saga; a person did the step, or its undo, by hand`, decoded(o.resolve)},
		{"abandon", `{"id","reason","force"} -> the saga; it is closed as it stands`, decoded(o.abandon)},
		{"pause", `{"id"|"type"|"participant"|"schedule","reason"} -> {...,"since","changed"}; nothing new is sent for it`, decoded(o.pause)},
		{"resume", `{"id"|"type"|"participant"|"schedule","reason"} -> {...,"changed"}; it goes on, with the lost time given back`, decoded(o.resume)},
		{"pauses", `{} -> {"items"}, what is paused, oldest first`, decoded(o.pauses)},
		{wire.VerbHello, `a participant's greeting -> {"state","reason","ahead"}`, decoded(o.hello)},
		{wire.VerbLost, `{"name","session","after"} -> {"items","next"}, what a participant does again`, decoded(o.lost)},
		{wire.VerbTell, `what a participant knows above what was heard -> {}`, decoded(o.tell)},
		{wire.VerbCopy, `{} -> whether this database is an older copy, and what participants know more`, decoded(o.copied)},
		{wire.VerbCopyAccept, `{"reason","force"} -> the same; it goes on from what participants know`, decoded(o.acceptCopy)},
		{wire.VerbRoll, `{} -> {"items"}, the participants and their quarantines`, decoded(o.roll)},
		{wire.VerbAccept, `{"name","reason"} -> the participant; it serves with the database it has`, decoded(o.accept)},
		{wire.VerbReplay, `{"name","reason"} -> the participant; what its database lacks is done again`, decoded(o.replay)},
		{"schedules.apply", `a schedule -> the schedule, with its next tick`, func(ctx context.Context, body []byte, _ nats.Header) (any, error) { return o.applySchedule(ctx, body) }},
		{"schedules.list", `{} -> {"items"}, by name`, decoded(o.listSchedules)},
		{"schedules.get", `{"name"} -> the schedule`, decoded(o.getSchedule)},
		{"schedules.delete", `{"name"} -> the schedule as it was; what it has started goes on`, decoded(o.deleteSchedule)},
		{"definitions.apply", `a definition -> {"name","version","digest","created","changes","warnings","in_flight"}; header Saga-Dry-Run: true`, o.applyDefinition},
		{"definitions.migrate", `{"name","from","to","limit","dry_run","reason"} -> {"moved","left"}; live sagas go to another version`, decoded(o.migrateDefinition)},
		{"definitions.list", `{} -> {"items"}`, decoded(o.listDefinitions)},
		{"definitions.get", `{"name","version"} -> the definition; version 0 is the latest`, decoded(o.getDefinition)},
		{"health", `{} -> {"status","checks"}`, decoded(o.health)},
		{wire.VerbRaces, `{} -> {"part","store","since","races"}; participants answer as well, each for itself`, decoded(o.countRaces)},
	}
}

// decoded makes an endpoint of a function with a typed request. An empty body is {}.
func decoded[Request any](handle func(context.Context, Request) (any, error)) func(context.Context, []byte, nats.Header) (any, error) {
	return func(ctx context.Context, body []byte, _ nats.Header) (any, error) {
		var req Request
		if len(body) > 0 {
			if err := saga.CheckObject(body); err != nil {
				return nil, wire.Unparsable(err)
			}
			d := json.NewDecoder(bytes.NewReader(body))
			d.DisallowUnknownFields()
			if err := d.Decode(&req); err != nil {
				return nil, wire.Unparsable(err)
			}
		}
		return handle(ctx, req)
	}
}

// serve registers the micro service. Requests are handled until the service is stopped.
func (o *Orchestrator) serve(ctx context.Context) (micro.Service, error) {
	service, err := micro.AddService(o.cfg.Conn, micro.Config{
		Name: serviceName, Version: serviceVersion, Description: "Giro drives sagas over JetStream",
		Metadata: map[string]string{"store": o.cfg.DB.StoreID(), "prefix": o.names.Prefix()},
	})
	if err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	group := service.AddGroup(o.names.APIGroup())
	err = group.AddEndpoint("start", micro.HandlerFunc(func(r micro.Request) { o.serveStart(ctx, r) }), micro.WithEndpointSubject("start.>"),
		micro.WithEndpointMetadata(map[string]string{"description": `start.<type>: the input -> the saga; headers Saga-Id, Prefer: wait=10`}))
	for _, v := range o.verbs() {
		opts := []micro.EndpointOpt{micro.WithEndpointSubject(v.name), micro.WithEndpointMetadata(map[string]string{"description": v.description})}
		if v.name == wire.VerbRaces { // everybody answers, not one of all
			opts = append(opts, micro.WithEndpointQueueGroupDisabled())
		}
		err = errors.Join(err, group.AddEndpoint(strings.ReplaceAll(v.name, ".", "-"), micro.HandlerFunc(func(r micro.Request) { o.serveVerb(ctx, r, v) }), opts...))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("api: %w", err), service.Stop())
	}
	return service, nil
}

// verbTimeout bounds how long a verb may take; a caller who waits longer has given up.
const verbTimeout = 30 * time.Second

func (o *Orchestrator) serveVerb(ctx context.Context, r micro.Request, v verb) {
	ctx, cancel := context.WithTimeout(ctx, verbTimeout)
	defer cancel()
	answer, err := v.handle(ctx, r.Data(), nats.Header(r.Headers()))
	if err != nil {
		o.respondError(r, err)
		return
	}
	data, ok := answer.(json.RawMessage)
	if !ok {
		if data, err = json.Marshal(answer); err != nil {
			o.respondError(r, err)
			return
		}
	}
	o.respond(r, data)
}

func (o *Orchestrator) respond(r micro.Request, data []byte) {
	if limit := o.cfg.Conn.MaxPayload(); limit > 0 && int64(len(data)) > limit {
		o.respondErrorLate(r, wire.Unavailable(fmt.Sprintf("the answer has %d bytes, the broker takes %d: read the files with --data, or raise its max_payload", len(data), limit)))
		return
	}
	o.send(r, data, nil)
}

// send publishes the answer itself: a start is answered after its handler has returned, when the
// library reads what its own Respond and Error write.
func (o *Orchestrator) send(r micro.Request, data []byte, header nats.Header) {
	if r.Reply() == "" {
		return // nobody wants to know
	}
	err := o.cfg.Conn.PublishMsg(&nats.Msg{Subject: r.Reply(), Data: data, Header: header})
	if err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
		o.cfg.Log.Warn().Err(err).Str("subject", r.Subject()).Msg("answer")
	}
}

// respondError answers with problem+json and the headers of micro, which counts the error. It is for
// the handler's own goroutine; see [Orchestrator.send].
func (o *Orchestrator) respondError(r micro.Request, err error) {
	problem, data := o.problem(r.Subject(), err)
	err = r.Error(strconv.Itoa(problem.Status), oneSentence(problem), data)
	if err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
		o.cfg.Log.Warn().Err(err).Str("subject", r.Subject()).Msg("answer")
	}
}

// respondErrorLate is the same after the handler has returned.
func (o *Orchestrator) respondErrorLate(r micro.Request, err error) {
	problem, data := o.problem(r.Subject(), err)
	o.send(r, data, nats.Header{micro.ErrorCodeHeader: {strconv.Itoa(problem.Status)}, micro.ErrorHeader: {oneSentence(problem)}})
}

// problem says what is wrong with a request. What is not the caller's to mend is logged here and told as
// unavailable: the caller may repeat the request.
func (o *Orchestrator) problem(subject string, err error) (*wire.Problem, []byte) {
	var problem *wire.Problem
	if !errors.As(err, &problem) {
		o.cfg.Log.Error().Err(err).Str("subject", subject).Msg("request")
		problem = wire.Unavailable("the request could not be carried out: " + oneSentence(err))
	}
	data, err := json.Marshal(problem)
	if err != nil {
		o.cfg.Log.Error().Err(err).Str("subject", subject).Msg("answer")
	}
	return problem, data
}

// serveStart is door 2: it answers when the saga is committed, or with Prefer: wait when it is terminal.
func (o *Orchestrator) serveStart(ctx context.Context, r micro.Request) {
	id, wait, err := startHeaders(nats.Header(r.Headers()))
	if err != nil {
		o.respondError(r, wire.Invalid(err))
		return
	}
	b, err := o.registry.check(startRequestOf(strings.TrimPrefix(r.Subject(), o.names.API("start")+"."), id, r.Data(), nats.Header(r.Headers())))
	if err != nil {
		o.respondError(r, err)
		return
	}
	b.bounded = true
	w := &work{id: id, begin: b, done: func(out outcome) { o.answerEntry(r, out) }}
	if wait > 0 {
		patience := o.waiters.add(id, wait, func(end *entry, doc []byte) { o.answerWaiter(ctx, r, w, end, doc) })
		w.done = o.answerEarly(r, id, patience)
	}
	if err := o.submitStart(w); err != nil {
		w.out.err = err
		w.finish()
	}
}

// answerEarly answers a start that waits for the end where there is nothing to wait for: it was
// refused, or its saga is terminal already.
func (o *Orchestrator) answerEarly(r micro.Request, id string, patience *waiter) func(outcome) {
	return func(out outcome) {
		if out.err != nil || out.entry.in.State.Terminal() {
			o.waiters.settle(id, patience, func() { o.answerEntry(r, out) })
		}
	}
}

func (o *Orchestrator) answerEntry(r micro.Request, out outcome) {
	if out.err != nil {
		o.respondErrorLate(r, out.err)
		return
	}
	doc, err := o.announcer.document(out.entry)
	if err != nil {
		o.respondErrorLate(r, err)
		return
	}
	o.respond(r, doc)
}

// answerWaiter answers with the terminal saga, or when patience ended with the saga as it is. One
// that is not there yet waits for its commit: the caller may repeat the start. The saga that has ended
// may be another start's, while this one is still to be refused: so it is looked at first.
func (o *Orchestrator) answerWaiter(ctx context.Context, r micro.Request, w *work, end *entry, doc []byte) {
	if end != nil {
		o.respondIfOwn(r, w, w.begin.asksFor(end), doc)
		return
	}
	now, err := o.query.Get(ctx, w.id)
	var problem *wire.Problem
	switch {
	case err == nil && now.Archived: // the loop knows whether this start is its own
		o.repeatStart(r, w)
		return
	case err == nil:
		doc, err = json.Marshal(now)
	case ctx.Err() != nil:
		err = wire.Unavailable("the orchestrator is stopping: repeat the same start in a moment")
	case errors.As(err, &problem) && problem.Code == wire.CodeNotFound:
		err = wire.Unavailable("the start is not accepted yet: repeat the same start in a moment")
	}
	if err != nil {
		o.respondErrorLate(r, err)
		return
	}
	o.respondIfOwn(r, w, w.begin.same(now.Type, now.Input), doc)
}

func (o *Orchestrator) repeatStart(r micro.Request, w *work) {
	again := &work{id: w.id, begin: w.begin, done: func(out outcome) { o.answerEntry(r, out) }}
	if err := o.submitStart(again); err != nil {
		o.respondErrorLate(r, err)
	}
}

func (o *Orchestrator) respondIfOwn(r micro.Request, w *work, own bool, doc []byte) {
	if !own {
		o.respondErrorLate(r, wire.OtherInput(w.id))
		return
	}
	o.respond(r, doc)
}

// startHeaders reads the id and the patience of a start. Idempotency-Key may be quoted, as its
// draft writes it; both headers together must agree.
func startHeaders(h nats.Header) (id string, wait time.Duration, err error) {
	id, key := h.Get(wire.HeaderID), h.Get(wire.HeaderIdempotency)
	if len(key) >= 2 && key[0] == '"' && key[len(key)-1] == '"' {
		key = key[1 : len(key)-1]
	}
	switch {
	case id == "":
		id = key
	case key != "" && key != id:
		return "", 0, fmt.Errorf("%s %q and %s %q differ: they are the same thing, send one", wire.HeaderID, id, wire.HeaderIdempotency, key)
	}
	if id == "" {
		return "", 0, fmt.Errorf("a start needs an id: send header %s (or %s); repeat it to be sure, it starts only one saga", wire.HeaderID, wire.HeaderIdempotency)
	}
	prefer := h.Get(wire.HeaderPrefer)
	if prefer == "" {
		return id, 0, nil
	}
	seconds, ok := strings.CutPrefix(strings.ReplaceAll(prefer, " ", ""), "wait=")
	n, convErr := strconv.Atoi(seconds)
	if !ok || convErr != nil || n < 0 || time.Duration(n)*time.Second > maxWait {
		return "", 0, fmt.Errorf("%s %q is not wait=<seconds>, at most %d", wire.HeaderPrefer, prefer, int(maxWait.Seconds()))
	}
	return id, time.Duration(n) * time.Second, nil
}
