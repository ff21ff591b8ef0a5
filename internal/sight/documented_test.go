package sight_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
)

var metricName = regexp.MustCompile(`\bgiro_[a-z_]+[a-z]\b`)

// documented compares the names of a scrape with the page that explains them, and with the dashboard
// and the alerts that use them.
func (w *world) documented(s scrape) {
	w.Helper()
	served := map[string]bool{}
	for line := range s {
		name, _, _ := strings.Cut(line, "{")
		if strings.HasPrefix(name, "giro_") {
			served[base(name)] = true
		}
	}
	told := w.mentions("../../docs/sight.md")
	for name := range served {
		if !slices.Contains(told, name) {
			w.Errorf("docs/sight.md does not explain %s", name)
		}
	}
	for _, file := range []string{"../../docs/sight.md", "../../deploy/grafana/giro.json", "../../deploy/prometheus/alerts.yaml"} {
		for _, name := range w.mentions(file) {
			if !served[name] {
				w.Errorf("%s: there is no metric %s", file, name)
			}
		}
	}
}

// mentions are the metrics that a file names.
func (w *world) mentions(file string) []string {
	w.Helper()
	text, err := os.ReadFile(file)
	w.must(err)
	var names []string
	for _, name := range metricName.FindAllString(string(text), -1) {
		names = append(names, base(name))
	}
	return names
}

// base is the name of a histogram whose line this is, or the name itself.
func base(name string) string {
	for _, of := range []string{"giro_saga_seconds", "giro_step_seconds", "giro_batch_items"} {
		if strings.HasPrefix(name, of+"_") {
			return of
		}
	}
	return name
}
