package lab

import (
	"context"
	"time"

	"github.com/girohq/giro/coordination"
	"github.com/girohq/giro/races"
	"github.com/nats-io/nats.go/jetstream"
)

// storage is where the broker keeps what is not a bank's: each write to a file is synced.
func (w *World) storage() jetstream.StorageType {
	if w.cfg.Synced {
		return jetstream.FileStorage
	}
	return jetstream.MemoryStorage
}

// lockset is locks whose time can be over at once.
type lockset struct {
	*coordination.Locks
	counts *races.Counts
	bucket string
	js     jetstream.JetStream
	stream jetstream.Stream
}

// openLockset makes the locks of one trial. The bucket is made before they are opened, because they
// would put it into a file.
func (w *World) openLockset(ctx context.Context) (*lockset, error) {
	js, err := jetstream.New(w.Conn())
	if err != nil {
		return nil, err
	}
	l := &lockset{bucket: w.Name(), js: js, counts: &races.Counts{}}
	if l.stream, err = js.CreateStream(ctx, jetstream.StreamConfig{Name: "KV_" + l.bucket, Subjects: []string{l.subject(">")},
		Storage: w.storage(), AllowMsgTTL: true, AllowRollup: true}); err != nil {
		return nil, err
	}
	l.Locks, err = coordination.OpenLocks(ctx, coordination.Config{JetStream: js, Bucket: l.bucket, TTL: lockTTL, Wait: lockTTL,
		Owner: "giro lab", Races: l.counts})
	return l, err
}

// lockTTL is longer than any trial: time passes when a trial says so.
const lockTTL = time.Hour

func (l *lockset) subject(name string) string { return "$KV." + l.bucket + "." + name }

// expire has the broker take a lock away from its holder, as it does when the holder's time has passed.
func (l *lockset) expire(ctx context.Context, name string) error {
	return l.stream.Purge(ctx, jetstream.WithPurgeSubject(l.subject(name)))
}

// close deletes the bucket.
func (l *lockset) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeFor)
	defer cancel()
	return l.js.DeleteStream(ctx, "KV_"+l.bucket)
}
