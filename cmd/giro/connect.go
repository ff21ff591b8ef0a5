package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/internal/jet"
	"github.com/nats-io/nats.go"
	"github.com/spf13/pflag"
	"github.com/synadia-io/orbit.go/natscontext"
)

// connectionFlags say how the broker is reached. Names and environment are those of the nats
// command; what is not given comes from the context, as it does there.
type connectionFlags struct {
	server  string
	context string
	creds   string
	nkey    string
	user    string
	cert    string
	key     string
	ca      string
	prefix  string
	timeout time.Duration
}

const defaultTimeout = 5 * time.Second

// register adds the flags, with the environment as their defaults. Passwords and tokens have none:
// arguments are seen by every user of the machine.
func (f *connectionFlags) register(flags *pflag.FlagSet) {
	env := func(into *string, name, short, variable, usage string) {
		flags.StringVarP(into, name, short, os.Getenv(variable), usage+" ["+variable+"]")
		flags.Lookup(name).DefValue = "" // the help must not show what is in the environment
	}
	env(&f.server, "server", "s", "NATS_URL", "server `URL`s, separated by commas")
	env(&f.context, "context", "", "NATS_CONTEXT", "`NAME` of a nats context")
	env(&f.creds, "creds", "", "NATS_CREDS", "credentials `FILE`")
	env(&f.nkey, "nkey", "", "NATS_NKEY", "nkey seed `FILE`")
	env(&f.user, "user", "", "NATS_USER", "user `NAME`, with NATS_PASSWORD")
	env(&f.cert, "tlscert", "", "NATS_CERT", "own certificate `FILE`")
	env(&f.key, "tlskey", "", "NATS_KEY", "`FILE` of its key")
	env(&f.ca, "tlsca", "", "NATS_CA", "`FILE` of trusted certificates")
	env(&f.prefix, "prefix", "", "GIRO_PREFIX", "first token of all `SUBJECT`s")
	flags.DurationVar(&f.timeout, "timeout", defaultTimeout, "how long to wait for an answer")
}

// shown names the server for people. Credentials in a URL are not shown.
func (f *connectionFlags) shown() string {
	switch {
	case f.server != "":
		return withoutSecrets(f.server)
	case f.context != "":
		return "context " + f.context
	}
	return nats.DefaultURL
}

func withoutSecrets(servers string) string {
	list := strings.Split(servers, ",")
	for i, s := range list {
		scheme, rest, found := strings.Cut(s, "://")
		if !found {
			scheme, rest = "nats", s
		}
		list[i] = scheme + "://" + rest[strings.LastIndexByte(rest, '@')+1:]
	}
	return strings.Join(list, ",")
}

// options are what the flags ask for. They come after the context's own and so win over them.
func (f *connectionFlags) options() []nats.Option {
	var opts []nats.Option
	add := func(wanted string, opt func() nats.Option) {
		if wanted != "" {
			opts = append(opts, opt())
		}
	}
	add(f.creds, func() nats.Option { return nats.UserCredentials(f.creds) })
	add(f.nkey, func() nats.Option { return nkeyOption(f.nkey) })
	add(f.user, func() nats.Option { return nats.UserInfo(f.user, os.Getenv("NATS_PASSWORD")) })
	add(os.Getenv("NATS_TOKEN"), func() nats.Option { return nats.Token(os.Getenv("NATS_TOKEN")) })
	add(f.cert, func() nats.Option { return nats.ClientCert(f.cert, f.key) })
	add(f.ca, func() nats.Option { return nats.RootCAs(f.ca) })
	return append(opts, nats.Timeout(f.timeout), f.servers)
}

// args are the flags by which another process reaches the same broker. Passwords and tokens are in the environment,
// which it inherits.
func (f *connectionFlags) args() (args []string) {
	for _, a := range []struct{ flag, value string }{{"server", f.server}, {"context", f.context}, {"creds", f.creds}, {"nkey", f.nkey},
		{"user", f.user}, {"tlscert", f.cert}, {"tlskey", f.key}, {"tlsca", f.ca}} {
		if a.value != "" {
			args = append(args, "--"+a.flag, a.value)
		}
	}
	return args
}

// servers replaces the context's servers where others are given, and is the default where none are.
func (f *connectionFlags) servers(o *nats.Options) error {
	if f.server != "" {
		o.Url, o.Servers = "", strings.Split(f.server, ",")
	}
	for i := range o.Servers {
		o.Servers[i] = strings.TrimSpace(o.Servers[i])
	}
	if len(o.Servers) == 0 || len(o.Servers) == 1 && o.Servers[0] == "" {
		o.Servers = []string{nats.DefaultURL}
	}
	return nil
}

// nkeyOption reports a file that cannot be read when connecting, as all others do.
func nkeyOption(file string) nats.Option {
	opt, err := nats.NkeyOptionFromSeed(file)
	if err != nil {
		return func(*nats.Options) error { return err }
	}
	return opt
}

// connect reaches the broker as flags, environment and context say. With patience the first
// connect may fail and is repeated in the background.
func (a *app) connect(name string, patience bool, more ...nats.Option) (*nats.Conn, error) {
	f := &a.connection
	if f.timeout <= 0 {
		return nil, usageError("--timeout %s must be positive", f.timeout)
	}
	if (f.cert == "") != (f.key == "") {
		return nil, usageError("--tlscert and --tlskey belong together")
	}
	opts := append(jet.Options(name, patience, a.log), f.options()...)
	conn, _, err := natscontext.Connect(f.context, append(opts, more...)...)
	if err != nil {
		return nil, connectError(f.shown(), err)
	}
	return conn, nil
}

// connectError tells apart who is to act: the operator of the broker, who gives rights there, or
// who wrote the command.
func connectError(server string, err error) error {
	var network *net.OpError
	switch {
	case unauthorized(err):
		return fmt.Errorf("connect to %s: %w: %w", server, client.ErrUnauthorized, err)
	case errors.Is(err, nats.ErrNoServers), errors.Is(err, nats.ErrTimeout), errors.Is(err, io.EOF), errors.As(err, &network):
		return fmt.Errorf("connect to %s: %w: %w", server, client.ErrUnreachable, err)
	}
	return usageError("connect to %s: %w", server, err)
}

// session is a connected client with the context that ends when the broker forbids something.
type session struct {
	*client.Client
	ctx   context.Context
	close func()
}

// open connects a client. The broker answers a forbidden request with silence and a note to the
// connection; the note ends the session's context, so that nobody waits for the answer.
func (a *app) open(ctx context.Context) (*session, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	conn, err := a.connect("giro", false, nats.PermissionErrOnSubscribe(true), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		if errors.Is(err, nats.ErrPermissionViolation) && !hint(err) {
			cancel(fmt.Errorf("%w: %w", client.ErrUnauthorized, err))
		}
	}))
	if err != nil {
		cancel(nil)
		return nil, err
	}
	c, err := client.New(conn, client.WithPrefix(a.connection.prefix))
	if err != nil {
		conn.Close()
		cancel(nil)
		return nil, usageError("%w", err)
	}
	return &session{Client: c, ctx: ctx, close: func() { cancel(nil); conn.Close() }}, nil
}

// hint reports whether only events are forbidden: whoever waits without them asks more often.
// The subject stands in the text and nowhere else.
func hint(err error) bool { return strings.Contains(err.Error(), ".event.") }

// limited is the session's context for one request.
func (a *app) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, a.connection.timeout)
}
