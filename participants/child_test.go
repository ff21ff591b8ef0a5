package participants

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/girohq/giro/internal/jet"
	"github.com/girohq/giro/saga"
	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
)

// The test binary runs itself again as a participant of its own process when these are set.
const (
	childURL  = "GIRO_TEST_CHILD_URL"
	childPath = "GIRO_TEST_CHILD_PATH"
)

// crashIfChild runs, in the child, a participant that kills its process where the commit has
// happened and the reply is about to be published. In the parent it does nothing.
func crashIfChild() {
	if os.Getenv(childURL) == "" {
		return
	}
	err := crash(context.Background(), os.Getenv(childURL), os.Getenv(childPath))
	fmt.Fprintln(os.Stderr, "the child has survived:", err)
	os.Exit(1)
}

func crash(ctx context.Context, url, path string) error {
	db, err := Open(ctx, path, effects)
	if err != nil {
		return err
	}
	conn, err := nats.Connect(url, jet.Options("child", false, zerolog.Nop())...)
	if err != nil {
		return err
	}
	p, err := New(Config{Name: "P", DB: db, Conn: conn, Log: zerolog.Nop()})
	if err != nil {
		return err
	}
	writeEffects(p)
	p.faults = func(publisher) publisher {
		return faultyPublisher(func(*nats.Msg, func(error)) {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			<-ctx.Done() // never: the signal is on its way
		})
	}
	return p.Run(ctx)
}

// TestProcessCrashBetweenCommitAndReply kills a participant's process where its effect is
// committed and nobody has been told. The next process answers with the recorded reply.
func TestProcessCrashBetweenCommitAndReply(t *testing.T) {
	b := newBus(t)
	path := b.path()
	b.send(forward(""))
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	child.Env = append(os.Environ(), childURL+"="+b.server.ClientURL(), childPath+"="+path)
	var stderr bytes.Buffer
	child.Stderr = &stderr
	err := child.Run()
	if status, ok := child.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		t.Fatalf("the child was to be killed: %v\n%s", err, stderr.String())
	}
	db := b.open(path)
	if n := effectsOf(t, db)["S"]; n != 1 {
		t.Fatalf("%d effects after the crash, want the committed one", n)
	}
	b.run(b.participant(db))
	if r, _ := b.reply(); r.Outcome != saga.Succeeded || string(r.Body) != `{"run":7}` {
		t.Errorf("reply: %+v", r)
	}
	b.allAcked()
	if n := effectsOf(t, db)["S"]; n != 1 {
		t.Errorf("%d effects after the next process", n)
	}
}
