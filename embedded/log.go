package embedded

import (
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/rs/zerolog"
)

// serverLog is the server's log: warnings and errors go on, the rest is dropped.
type serverLog struct {
	log     zerolog.Logger
	fatal   atomic.Pointer[string] // why the server could not start
	wounded *atomic.Bool           // set when a stream's file failed
}

// brokenFile is in what the server says when a stream's file could not be written. Such
// a stream refuses everything until the server is restarted, even when the disk has space
// again, and the server tells nobody but its log: hence, for once, the text is matched.
const brokenFile = "critical write error"

func (l *serverLog) Errorf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	if strings.Contains(strings.ToLower(text), brokenFile) {
		l.wounded.Store(true)
	}
	l.log.Error().Str("from", "nats-server").Msg(text)
}

func (l *serverLog) Fatalf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	l.fatal.CompareAndSwap(nil, &text)
	l.log.Error().Str("from", "nats-server").Msg(text)
}

func (l *serverLog) Warnf(format string, v ...any) {
	l.log.Warn().Str("from", "nats-server").Msgf(format, v...)
}

func (l *serverLog) Noticef(string, ...any) {}
func (l *serverLog) Debugf(string, ...any)  {}
func (l *serverLog) Tracef(string, ...any)  {}
