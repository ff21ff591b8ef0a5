package torture

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"
)

// fetches finds what a browser would get from elsewhere.
var fetches = regexp.MustCompile(`(?i)(src|href|action|data)\s*=|url\(|@import|<script|<link|<iframe`)

// TestPage holds that the page is well formed, needs nothing else, and shows what others wrote as text.
func TestPage(t *testing.T) {
	r := &Report{Verdict: Red, Reasons: []string{"I3 : <b>a cent</b> is missing"}, Began: time.Unix(0, 0),
		Faults:     []FaultResult{{Name: "kill-all", Struck: 2, Fired: 1, Median: 1.5}},
		Strikes:    []StrikeResult{{Fault: "kill-all", At: 3, Took: 1, Recovered: 2, Detail: `"><script>`, Fired: true}, {Fault: "kill-all", At: 9}},
		Invariants: []InvariantCount{{Name: "I3", Judged: 7}}}
	for i := range 2000 {
		r.Timeline = append(r.Timeline, Second{Asked: i, Accepted: i / 2, AcceptP99: float64(i)})
	}
	var page bytes.Buffer
	if err := r.WritePage(&page); err != nil {
		t.Fatal(err)
	}
	text := page.String()
	if found := fetches.FindString(text); found != "" {
		t.Errorf("the page is not self-contained, or not escaped: %q", found)
	}
	for _, want := range []string{"kill-all", "&lt;b&gt;a cent", `class="red"`, "<polyline", "<rect"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not on the page", want)
		}
	}
	d := xml.NewDecoder(strings.NewReader(strings.TrimPrefix(text, "<!DOCTYPE html>\n")))
	d.Strict, d.Entity = true, xml.HTMLEntity
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if n := len(condensed(r.Timeline)); n > mostPoints || n < mostPoints/2 {
		t.Errorf("%d points of 2000 seconds", n)
	}
	if err := (&Report{Began: time.Unix(0, 0)}).WritePage(io.Discard); err != nil {
		t.Errorf("of an empty report: %v", err)
	}
}
