package outbox

import (
	"fmt"
	"testing"
)

// benchWorker writes two rows an item, as a command does: its own and one of the outbox.
type benchWorker struct {
	b    *testing.B
	body []byte
}

func (w *benchWorker) Begin() {}

func (w *benchWorker) Apply(tx Tx, item int) error {
	return tx.Savepoint(func() error {
		key := fmt.Sprintf("0198c5a0-%012d/debit/forward", item)
		if _, err := tx.ExecContext(bg, `INSERT INTO state (key, value) VALUES (?, ?)`, key, w.body); err != nil {
			return err
		}
		return Put(tx, Message{Key: key, Subject: "saga.command.bank.debit.1", Body: w.body, Attempt: 1})
	})
}

func (w *benchWorker) Committed([]int)            {}
func (w *benchWorker) Failed(item int, err error) { w.b.Error(item, err) }

// BenchmarkLoop is the cost of an item with two inserts in a savepoint, its share of the synced
// commit included: alone, and in full batches.
func BenchmarkLoop(b *testing.B) {
	for _, batch := range []int{1, 32, MaxBatch} {
		b.Run(fmt.Sprint("batch=", batch), func(b *testing.B) {
			db := openAt(b, newPath(b))
			write(b, db, `CREATE TABLE state (key TEXT PRIMARY KEY, value BLOB) STRICT, WITHOUT ROWID`)
			w := &benchWorker{b: b, body: make([]byte, 200)}
			l := NewLoop(db, w, MaxBatch)
			b.ReportAllocs()
			b.ResetTimer()
			item := 0
			for item < b.N {
				n := min(batch, b.N-item)
				for range n {
					l.batch = append(l.batch, item)
					item++
				}
				must(b, l.commit(l.batch))
				l.batch = l.batch[:0]
			}
		})
	}
}

type nowhere struct{}

func (nowhere) Publish(_ *Message, _ string, done func(error)) { done(nil) }

// BenchmarkRelay is the relay's own cost of a message: told, published, acked, deleted.
func BenchmarkRelay(b *testing.B) {
	db := openAt(b, newPath(b))
	r := NewRelay(RelayConfig{DB: db, Publisher: nowhere{}, AttemptHeader: "Saga-Attempt"})
	put := make([]Message, 0, MaxBatch)
	var keys []string
	for i := range MaxBatch {
		m := message(fmt.Sprintf("0198c5a0-%012d/debit/forward", i), 1)
		for h := range 12 {
			m.Header[fmt.Sprint("Saga-Header-", h)] = []string{"value"}
		}
		put, keys = append(put, m), append(keys, m.Key)
	}
	b.ReportAllocs()
	for i := 0; i < b.N; i += MaxBatch {
		r.Committed(put, nil)
		firsts, _, _ := r.collect()
		r.publishAll(firsts)
		r.Committed(nil, keys)
	}
}
