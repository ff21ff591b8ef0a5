package embedded

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestStreamOffline holds that transfers go on when the server serves a stream no more because of a flipped bit in
// the description of one of its consumers: what the stream carried can be made again. Found by giro torture
// board, row everything, seed 1796000004.
func TestStreamOffline(t *testing.T) {
	for _, stream := range []string{"SAGA_COMMANDS", "SAGA_REPLIES"} {
		t.Run(stream, func(t *testing.T) {
			r := newRestoreRig(t)
			r.start()
			r.ready()
			r.transfer("before", 10)
			r.stop()
			r.misspell(stream)
			r.start()
			r.ready()
			if !r.log.say("does not serve this stream") {
				t.Error("void: the server has served the stream")
			}
			r.transfer("after", 10)
			r.stop()
		})
	}
}

// misspell flips bits in the descriptions of a stream's consumers.
func (r *restoreRig) misspell(stream string) {
	r.Helper()
	metas, err := filepath.Glob(filepath.Join(r.dir, "nats", "jetstream", "*", "streams", stream, "obs", "*", "meta.inf"))
	if err != nil || len(metas) == 0 {
		r.Fatalf("no consumer of %s has a file: %v", stream, err)
	}
	for _, meta := range metas {
		text, err := os.ReadFile(meta)
		r.must(err)
		r.must(os.WriteFile(meta, bytes.Replace(text, []byte(`"Created"`), []byte(`"Creited"`), 1), 0o600))
	}
}
