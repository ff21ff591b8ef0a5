package embedded

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/girohq/giro/internal/cluster"
	"github.com/girohq/giro/internal/jet"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
)

// BenchmarkStarts measures what bounds starts by message: a broker's synced stores. Many clients publish and wait, over
// one stream or several, on one server or three. An operation is one start of 120 bytes.
func BenchmarkStarts(b *testing.B) {
	for _, servers := range []int{1, 3} {
		for _, streams := range []int{1, 2, 4, 8} {
			b.Run(fmt.Sprintf("servers=%d/streams=%d", servers, streams), func(b *testing.B) {
				c, err := cluster.Start(b.Context(), cluster.Config{Dir: b.TempDir(), Servers: servers, Sync: true})
				if err != nil {
					b.Fatal(err)
				}
				defer c.Close()
				conn, err := nats.Connect(c.URL(), jet.Options("bench", false, zerolog.Nop())...)
				if err != nil {
					b.Fatal(err)
				}
				defer conn.Close()
				js, err := jetstream.New(conn)
				if err != nil {
					b.Fatal(err)
				}
				for s := range streams {
					_, err := js.CreateStream(b.Context(), jetstream.StreamConfig{Name: fmt.Sprint("S", s), Subjects: []string{fmt.Sprintf("s%d.>", s)}, Replicas: servers})
					if err != nil {
						b.Fatal(err)
					}
				}
				b.ResetTimer()
				publishAll(b, js, streams)
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "starts/s")
			})
		}
	}
}

// publishAll publishes b.N messages from 256 clients that wait for each.
func publishAll(b *testing.B, js jetstream.JetStream, streams int) {
	body := make([]byte, 120)
	numbers := make(chan int)
	var clients sync.WaitGroup
	for range 256 {
		clients.Go(func() {
			for n := range numbers {
				if _, err := js.Publish(context.Background(), fmt.Sprintf("s%d.%d", n%streams, n), body); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for n := range b.N {
		numbers <- n
	}
	close(numbers)
	clients.Wait()
}
