package orchestrator_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/girohq/giro/internal/wire"
	"github.com/girohq/giro/outbox"
	"github.com/nats-io/nats.go"
)

// A caller who has gone leaves the loop at work on what was asked: nobody may read the answer that it still
// writes. The race detector holds this.
func TestCallerIsGone(t *testing.T) {
	r, _ := scheduled(t)
	for range 50 {
		for verb, body := range map[string]string{
			"pause": `{"participant":"P","reason":"r"}`, "resume": `{"participant":"P","reason":"r"}`,
			"schedules.apply": daily, "schedules.delete": `{"name":"daily"}`,
		} {
			ctx, leave := context.WithCancel(t.Context())
			go leave()
			_, _ = r.o.Call(ctx, verb, []byte(body), nats.Header{}) // answered or not
		}
	}
	r.eventually("the loop works", func() bool {
		_, err := r.o.Call(t.Context(), "resume", []byte(`{"participant":"P","reason":"r"}`), nats.Header{})
		return err == nil
	})
}

// More schedules than a page holds are listed by more pages, none left out.
func TestSchedulesPage(t *testing.T) {
	r, _ := scheduled(t)
	r.schedule("apply", daily)
	r.must(r.db.Write(t.Context(), func(tx outbox.Tx) error {
		_, err := tx.ExecContext(context.Background(), `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
			INSERT INTO schedules (name, source, applied, next) SELECT printf('s%04d', i), source, applied, next + 86400000000 FROM n, schedules WHERE name = 'daily'`)
		return err
	}))
	var got []string
	cursor, pages := "", 0
	for more := true; more; pages++ {
		answer, problem := r.request("schedules.list", fmt.Sprintf(`{"cursor":%q}`, cursor))
		if problem != nil {
			t.Fatal(problem)
		}
		var list wire.ScheduleList
		r.must(json.Unmarshal(answer, &list))
		for _, s := range list.Items {
			got = append(got, s.Name)
		}
		cursor, more = list.Next, list.Next != ""
	}
	if pages != 3 || len(got) != 2001 || got[0] != "daily" || got[2000] != "s2000" || strings.Join(got[1:3], " ") != "s0001 s0002" {
		t.Errorf("%d pages, %d schedules", pages, len(got))
	}
}
