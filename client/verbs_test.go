package client_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/saga"
)

func TestReading(t *testing.T) {
	c := newClient(t)
	ctx := within(t)
	for i := range 3 {
		if _, err := c.Start(ctx, "transfer", fmt.Sprint("T-", i), pays(1), client.WithWait(patience)); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("get", func(t *testing.T) {
		doc, err := c.Get(ctx, "T-1")
		if err != nil || doc.ID != "T-1" || doc.State != saga.Completed || len(doc.Steps) != 2 || doc.Finished == nil {
			t.Errorf("%+v, %v", doc, err)
		}
		_, err = c.Get(ctx, "none")
		wantProblem(t, err, client.CodeNotFound, "none")
	})
	t.Run("list, page by page", func(t *testing.T) {
		var ids []string
		for req := (client.ListRequest{Type: "transfer", State: "completed", Since: "1h", Limit: 2}); ; {
			page, err := c.List(ctx, req)
			if err != nil {
				t.Fatal(err)
			}
			for _, doc := range page.Items {
				ids = append(ids, doc.ID)
			}
			if req.Cursor = page.Next; req.Cursor == "" {
				break
			}
		}
		if got := fmt.Sprint(ids); got != "[T-2 T-1 T-0]" {
			t.Errorf("listed %s", got)
		}
		_, err := c.List(ctx, client.ListRequest{Limit: 1001})
		wantProblem(t, err, client.CodeInvalid, "1001")
	})
	t.Run("history", func(t *testing.T) {
		h, err := c.History(ctx, "T-0")
		if err != nil || len(h.Items) != 3 || h.Items[0].Event != "started" || h.Items[2].Outcome != saga.Succeeded {
			t.Errorf("%+v, %v", h, err)
		}
		_, err = c.History(ctx, "none")
		wantProblem(t, err, client.CodeNotFound, "none")
	})
	t.Run("health", func(t *testing.T) {
		h, err := c.Health(ctx)
		if err != nil || !h.OK() || len(h.Checks) == 0 {
			t.Errorf("%+v, %v", h, err)
		}
	})
}

func TestOperations(t *testing.T) {
	c := newClient(t, parse(t, lonely))
	ctx := within(t)
	if _, err := c.Start(ctx, "lonely", "L-1", nil); err != nil {
		t.Fatal(err)
	}
	_, err := c.Retry(ctx, "L-1", "a test")
	wantProblem(t, err, client.CodeConflict, "")
	_, err = c.Cancel(ctx, "L-1", "")
	wantProblem(t, err, client.CodeInvalid, "reason")
	doc, err := c.Cancel(ctx, "L-1", "a test")
	if err != nil || doc.State != saga.Compensating || doc.Cause == nil || doc.Cause.Kind != saga.CauseCancelled {
		t.Errorf("%+v, %v", doc, err)
	}
}

func TestDefinitions(t *testing.T) {
	c := newClient(t)
	ctx := within(t)
	first, err := c.ApplyDefinition(ctx, []byte(lonely))
	if err != nil || !first.Created || first.Name != "lonely" || first.Version != 1 {
		t.Fatalf("%+v, %v", first, err)
	}
	again, err := c.ApplyDefinition(ctx, parse(t, lonely).Source())
	if err != nil || again.Created || again.Digest != first.Digest || again.Applied != first.Applied {
		t.Errorf("%+v, %v", again, err)
	}
	_, err = c.ApplyDefinition(ctx, []byte(lonely+"description: changed\n"))
	wantProblem(t, err, client.CodeConflict, "immutable")
	_, err = c.ApplyDefinition(ctx, []byte("saga: broken"))
	wantProblem(t, err, client.CodeInvalid, "steps")

	list, err := c.Definitions(ctx)
	if err != nil || len(list.Items) != 2 || list.Items[0].Name != "lonely" {
		t.Errorf("%+v, %v", list, err)
	}
	source, err := c.Definition(ctx, "lonely", 0)
	if err != nil || !json.Valid(source) {
		t.Errorf("%s, %v", source, err)
	}
	_, err = c.Definition(ctx, "lonely", 2)
	wantProblem(t, err, client.CodeNotFound, "version 2")
}

func TestPausing(t *testing.T) {
	c := newClient(t, parse(t, lonely))
	ctx := within(t)
	req := client.PauseRequest{Type: "lonely", Reason: "a test"}
	for _, changed := range []bool{true, false} {
		p, err := c.Pause(ctx, req)
		if err != nil || p.Type != "lonely" || p.Since == nil || p.Changed != changed {
			t.Errorf("%+v, %v", p, err)
		}
	}
	doc, err := c.Start(ctx, "lonely", "L-1", nil)
	if err != nil || doc.State != saga.Running || !strings.HasPrefix(doc.Waiting, "all sagas lonely are paused since ") {
		t.Errorf("%+v, %v", doc, err)
	}
	list, err := c.Pauses(ctx)
	if err != nil || len(list.Items) != 1 || list.Items[0].Reason != "a test" {
		t.Errorf("%+v, %v", list, err)
	}
	for _, changed := range []bool{true, false} {
		p, err := c.Resume(ctx, req)
		if err != nil || p.Changed != changed {
			t.Errorf("%+v, %v", p, err)
		}
	}
	_, err = c.Pause(ctx, client.PauseRequest{ID: "L-1"})
	wantProblem(t, err, client.CodeInvalid, "reason")
}

func TestVersions(t *testing.T) {
	c := newClient(t, parse(t, lonely))
	ctx := within(t)
	if _, err := c.Start(ctx, "lonely", "L-1", nil); err != nil {
		t.Fatal(err)
	}
	second := []byte(strings.Replace(lonely, "version: 1", "version: 2\ndescription: better", 1))
	checked, err := c.CheckDefinition(ctx, second)
	if err != nil || !checked.DryRun || checked.Created || checked.InFlight != 1 || len(checked.Changes) != 1 {
		t.Errorf("%+v, %v", checked, err)
	}
	req := client.MigrateRequest{Name: "lonely", From: 1, To: 2}
	_, err = c.MigrateDefinition(ctx, req)
	wantProblem(t, err, client.CodeNotFound, "version 2")
	if _, err := c.ApplyDefinition(ctx, second); err != nil {
		t.Fatal(err)
	}
	m, err := c.MigrateDefinition(ctx, req)
	if err != nil || m.Moved != 1 || len(m.Left) != 0 {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestSchedules(t *testing.T) {
	c := newClient(t, parse(t, lonely))
	ctx := within(t)
	s, err := c.ApplySchedule(ctx, []byte("schedule: yearly\nsaga: lonely\ncron: '@yearly'"))
	if err != nil || !s.Created || s.Next == nil {
		t.Errorf("%+v, %v", s, err)
	}
	if s, err = c.Schedule(ctx, "yearly"); err != nil || s.Name != "yearly" || s.Created {
		t.Errorf("%+v, %v", s, err)
	}
	if list, err := c.Schedules(ctx); err != nil || len(list.Items) != 1 {
		t.Errorf("%+v, %v", list, err)
	}
	if _, err := c.DeleteSchedule(ctx, "yearly"); err != nil {
		t.Error(err)
	}
	_, err = c.Schedule(ctx, "yearly")
	wantProblem(t, err, client.CodeNotFound, "yearly")
}
