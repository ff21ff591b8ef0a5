package embedded

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

// A disk that is full and becomes free again. The stream stays mute in the old server.
func TestFullDisk(t *testing.T) {
	for name, beatsWhileFull := range map[string]int{
		"noticed by the canary":            3 * maxMisses, // restarts do not help, and do not make it look well
		"over before the canary's next go": 0,
	} {
		t.Run(name, func(t *testing.T) {
			dir := smallDisk(t)
			n := startNATS(t, NATSConfig{Dir: filepath.Join(dir, "nats"), MaxStore: 1 << 30})
			c := newCanary(n, canaryTimeout)
			nc, js := connectJS(t, n)
			ctx := testContext(t)
			c.beatUntilHealthy(t, ctx)
			if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "ORDERS", Subjects: []string{"orders"}}); err != nil {
				t.Fatal(err)
			}
			filler := fillDisk(t, dir)
			if n.stored(t, js) == nil {
				t.Fatal("the disk is not full: the test proves nothing")
			}
			for beat := range beatsWhileFull {
				c.beat(ctx)
				if h := n.Health(); h.OK != (beat+1 < maxMisses) {
					t.Errorf("full for %d beats: %+v", beat+1, h)
				}
			}
			if err := os.Remove(filler); err != nil {
				t.Fatal(err)
			}
			old, _ := n.current()
			for now := old; now == old && beatsWhileFull == 0 && ctx.Err() == nil; now, _ = n.current() {
				c.beat(ctx) // until the mute server was replaced
			}
			c.beatUntilHealthy(t, ctx)
			awaitReconnect(t, n, nc)
			if err := n.stored(t, js); err != nil {
				t.Errorf("the stream is still mute: %v", err)
			}
		})
	}
}

// stored publishes something of a size that needs a new disk page.
func (n *NATS) stored(t *testing.T, js jetstream.JetStream) error {
	ctx, cancel := context.WithTimeout(t.Context(), canaryTimeout)
	defer cancel()
	_, err := js.Publish(ctx, "orders", make([]byte, 16<<10))
	return err
}

// smallDisk is a file system of its own, which needs the right to mount.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("cannot mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fillDisk writes a file until nothing more fits.
func fillDisk(t *testing.T, dir string) string {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for page := make([]byte, 4096); ; {
		if _, err := f.Write(page); err != nil {
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatal(err)
			}
			return f.Name()
		}
	}
}
