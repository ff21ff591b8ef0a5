package saga

import (
	"strings"
	"testing"
	"time"
)

func TestParseSchedule(t *testing.T) {
	s, err := ParseSchedule("daily.yaml", []byte("schedule: daily\nsaga: payroll\nversion: 2\ncron: \"0 6 * * *\"\nzone: Europe/Prague\nmissed: all\nuntil: \"2027-01-01T00:00:00Z\"\ninput: {for: \"at ${schedule.time}\", n: 1}\n"))
	if err != nil {
		t.Fatal(err)
	}
	tick := time.Date(2026, 11, 25, 6, 0, 0, 0, time.FixedZone("", 3600))
	if s.SagaID(tick) != "daily-20261125T050000Z" || string(s.Input(tick)) != `{"for":"at 2026-11-25T05:00:00Z","n":1}` {
		t.Errorf("%s %s", s.SagaID(tick), s.Input(tick))
	}
	again, err := ParseSchedule("x.json", s.Source())
	if err != nil || again.Missed != MissedAll || again.Version != 2 || !again.Until.Equal(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v, %v", again, err)
	}
	least, err := ParseSchedule("x.yaml", []byte("schedule: a\nsaga: b\ncron: '@daily'"))
	if err != nil || least.Zone != "UTC" || least.Missed != MissedOnce || string(least.Input(tick)) != "{}" {
		t.Errorf("%+v, %v", least, err)
	}
}

func TestScheduleErrors(t *testing.T) {
	for source, says := range map[string]string{
		"saga: b\ncron: x":                                            "schedule is missing",
		"schedule: a\nsaga: b":                                        "cron is missing",
		"schedule: a.b\nsaga: b\ncron: x":                             "a.b",
		"schedule: a\nsaga: b\ncron: x\ncolour: red":                  "there is no field colour",
		"schedule: a\nsaga: b\ncron: x\nmissed: often":                `x.yaml:4: there is no rule "often" for missed ticks: write skip, once or all`,
		"schedule: a\nsaga: b\ncron: x\nuntil: soon":                  `until: "soon" is not a time`,
		"schedule: a\nsaga: b\ncron: x\ninput: 7":                     "input is a number, not an object",
		"schedule: a\nsaga: b\ncron: x\ninput: {n: \"${input.x}\"}":   "only ${schedule.time} is computed",
		"schedule: " + strings.Repeat("a", 48) + "\nsaga: b\ncron: x": "48 characters are more than 47",
	} {
		if _, err := ParseSchedule("x.yaml", []byte(source)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %s", source, err, says)
		}
	}
}
