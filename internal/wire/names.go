package wire

import (
	"fmt"
	"strings"

	"github.com/girohq/giro/saga"
)

// DefaultPrefix begins every subject, and in upper case every stream's name.
const DefaultPrefix = "saga"

// Names makes the names of streams and subjects under one prefix.
type Names struct {
	prefix  string
	streams string
}

// New returns the names under a prefix ("" is [DefaultPrefix]); a prefix is an id as [saga.CheckID] takes it.
func New(prefix string) (Names, error) {
	if prefix == "" {
		prefix = DefaultPrefix
	}
	if err := saga.CheckID("prefix", prefix); err != nil {
		return Names{}, err
	}
	if prefix != strings.ToLower(prefix) {
		return Names{}, fmt.Errorf("prefix %q has capital letters: streams are named by it in capitals, so two prefixes must not differ only in case", prefix)
	}
	return Names{prefix: prefix, streams: strings.ToUpper(prefix)}, nil
}

// Prefix returns the first token of every subject.
func (n Names) Prefix() string { return n.prefix }

// Starts is the stream of starts that clients publish.
func (n Names) Starts() string { return n.streams + "_STARTS" }

// Commands is the stream of commands to participants.
func (n Names) Commands() string { return n.streams + "_COMMANDS" }

// Replies is the stream of participants' replies.
func (n Names) Replies() string { return n.streams + "_REPLIES" }

// Events is the stream of lifecycle events.
func (n Names) Events() string { return n.streams + "_EVENTS" }

// Dead is the stream of messages that could not be handled.
func (n Names) Dead() string { return n.streams + "_DEAD" }

// Leaders is the key-value bucket of those who lead, where standbys are used.
func (n Names) Leaders() string { return n.streams + "_LEADERS" }

// Canary is the stream that shows whether the broker's store still takes writes.
func (n Names) Canary() string { return n.streams + "_CANARY" }

// CanarySubject is the only subject of the canary's stream.
func (n Names) CanarySubject() string { return n.prefix + ".canary" }

// StartSubject is where a client publishes the start of a saga.
func (n Names) StartSubject(sagaType, id string) string {
	return n.prefix + ".start." + sagaType + "." + id
}

// StartFilter matches every start, well formed or not.
func (n Names) StartFilter() string { return n.prefix + ".start.>" }

// ParseStart splits a start's subject. ok is false when it has not exactly a type and an id.
func (n Names) ParseStart(subject string) (sagaType, id string, ok bool) {
	return n.two(subject, ".start.")
}

// Lane is what keeps the order of commands: the participant and the key, whatever the action. Any other
// subject is a lane of its own.
func (n Names) Lane(subject string) string {
	rest, ok := strings.CutPrefix(subject, n.prefix+".command.")
	if !ok {
		return subject
	}
	participant, action, found := strings.Cut(rest, ".")
	_, key, more := strings.Cut(action, ".")
	if !found || !more {
		return subject
	}
	return participant + "." + key
}

// CommandSubject is where a command goes. The key is escaped to be one token.
func (n Names) CommandSubject(participant, action, key string) string {
	return n.prefix + ".command." + participant + "." + action + "." + EscapeKey(key)
}

// CommandFilter matches one participant's commands; "*" as participant matches everybody's.
func (n Names) CommandFilter(participant string) string {
	return n.prefix + ".command." + participant + ".>"
}

// ParseCommand splits a command's subject.
func (n Names) ParseCommand(subject string) (participant, action, key string, ok bool) {
	rest, found := strings.CutPrefix(subject, n.prefix+".command.")
	participant, rest, ok1 := strings.Cut(rest, ".")
	action, token, ok2 := strings.Cut(rest, ".")
	key, ok3 := UnescapeKey(token)
	return participant, action, key, found && ok1 && ok2 && ok3
}

// ReplySubject is where a participant answers.
func (n Names) ReplySubject(participant, id string) string {
	return n.prefix + ".reply." + participant + "." + id
}

// ReplyFilter matches every reply.
func (n Names) ReplyFilter() string { return n.prefix + ".reply.>" }

// ParseReply splits a reply's subject.
func (n Names) ParseReply(subject string) (participant, id string, ok bool) {
	return n.two(subject, ".reply.")
}

// EventSubject is where a lifecycle event goes.
func (n Names) EventSubject(sagaType, id, event string) string {
	return n.prefix + ".event." + sagaType + "." + id + "." + event
}

// EventFilter matches the events of one saga, or with "*" those of all.
func (n Names) EventFilter(sagaType, id string) string {
	return n.prefix + ".event." + sagaType + "." + id + ".*"
}

// ParseEvent splits an event's subject.
func (n Names) ParseEvent(subject string) (sagaType, id, event string, ok bool) {
	rest, found := strings.CutPrefix(subject, n.prefix+".event.")
	sagaType, rest, ok1 := strings.Cut(rest, ".")
	id, event, ok2 := strings.Cut(rest, ".")
	return sagaType, id, event, found && ok1 && ok2 && !strings.Contains(event, ".")
}

// The last tokens of the dead letter subjects that are not participants' names.
const (
	DeadStart = "start"
	DeadReply = "reply"
)

// CodeMalformed is the code of a dead letter that is no command, or no reply.
const CodeMalformed = "malformed"

// DeadSubject is where a message goes that could not be handled: what is a participant's name,
// [DeadStart] or [DeadReply].
func (n Names) DeadSubject(what string) string { return n.prefix + ".dead." + what }

// DeadFilter matches every dead letter.
func (n Names) DeadFilter() string { return n.prefix + ".dead.>" }

// API is the subject of a verb of the micro service; a start's verb is "start.<type>".
func (n Names) API(verb string) string { return n.APIGroup() + "." + verb }

// APIGroup is what all API subjects begin with.
func (n Names) APIGroup() string { return n.prefix + ".api.v1" }

func (n Names) two(subject, group string) (a, b string, ok bool) {
	rest, found := strings.CutPrefix(subject, n.prefix+group)
	a, b, ok = strings.Cut(rest, ".")
	return a, b, found && ok && b != "" && !strings.Contains(b, ".")
}
