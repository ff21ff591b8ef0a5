package docs_test

import (
	"regexp"
	"slices"
	"strings"
)

// unstable is what differs from run to run, and what stands for it in a comparison. Tables are
// drawn to the width of what is in them, so space and lines count once.
var unstable = []struct {
	pattern *regexp.Regexp
	stands  string
}{
	{regexp.MustCompile(`\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?\b`), "TIME"},
	{regexp.MustCompile(`\b[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} 20\d\d \d\d:\d\d:\d\d GMT`), "TIME"},
	{regexp.MustCompile(`\b\d\d:\d\d:\d\d\b`), "TIME"},
	{regexp.MustCompile(`\b(\d+h)?(\d+m)?\d+(\.\d+)?(ns|µs|ms|s)\b`), "SPAN"},
	{regexp.MustCompile(`\b\d+(\.\d+)? (B|KiB|MiB)\b`), "SIZE"},
	{regexp.MustCompile(`_INBOX\.[0-9A-Za-z.]+`), "INBOX"},
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "DIGEST"},
	{regexp.MustCompile(`\b[0-9A-Za-z]{22}\b`), "SERVICE"},
	{regexp.MustCompile(`\b[0-9a-z]{16}\b`), "STORE"},
	{regexp.MustCompile(`\b[0-9A-Z]{26}\b`), "SESSION"},
	{regexp.MustCompile(`[-_][0-9a-z]{12}\b`), "-INCARNATION"},
	{regexp.MustCompile(`│ 1\.0\.0 +│`), "│ │"}, // a version is shown once, in whichever row comes first
	{regexp.MustCompile(`─+`), "─"},
	{regexp.MustCompile(`[ \t]+`), " "},
	{regexp.MustCompile(`STORE/\d+`), "STORE/NUMBER"},
	// Banks ask until the orchestrator has heard all, and it calls them when it starts.
	{regexp.MustCompile(`(participants-hello │) \d+`), "$1 HELLOS"},
	{regexp.MustCompile(`│ │ │ \d+ │`), "│ │ │ ALL │"},
	{regexp.MustCompile(`(call Endpoint Statistics:\s+Requests:) \d+`), "$1 CALLS"},
}

// stable is an output without what may differ. Rows of a table come in any order.
func stable(output string) string {
	for _, u := range unstable {
		output = u.pattern.ReplaceAllString(output, u.stands)
	}
	return inOrder(strings.Split(strings.TrimSpace(output), "\n"), func(line string) bool { return strings.HasPrefix(line, "│") })
}

// header is a line of a message's headers, which nats prints in random order.
var header = regexp.MustCompile(`^[\d: ]*(Saga|Nats)-[A-Za-z-]+: `)

// wiped is what a terminal does not show any more: a line that was written over.
var wiped = regexp.MustCompile(`^.*\x1b\[K`)

// tidy drops what nobody sees, also space at the ends of lines and empty lines at both ends, and puts
// the headers of each message in order.
func tidy(lines []string) string {
	for i, line := range lines {
		lines[i] = strings.TrimRight(wiped.ReplaceAllString(line, ""), " \r")
	}
	return strings.Trim(inOrder(lines, header.MatchString), "\n")
}

// inOrder sorts each run of lines that belong together.
func inOrder(lines []string, together func(string) bool) string {
	for from := 0; from < len(lines); from++ {
		to := from
		for to < len(lines) && together(lines[to]) {
			to++
		}
		slices.Sort(lines[from:to])
		from = max(from, to)
	}
	return strings.Join(lines, "\n")
}
