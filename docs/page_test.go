// Package docs_test holds the pages beside it to the truth: their console blocks are run against a
// real node, and what comes out must be what they show. With -update the pages are written anew.
package docs_test

import (
	"context"
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the commands really print into the pages")

const (
	fence = "```"
	// console begins a block of commands and their output.
	console = fence + "console"
	// secondTerminal stands above a block whose command goes on beside those that follow.
	secondTerminal = "<!-- in a second terminal -->"
)

// shown is a command of a page with the output that the page claims. Lines from to to (not
// included) of the page hold the output.
type shown struct {
	command  string
	beside   bool
	from, to int
}

// page is a page of documentation.
type page struct {
	file  string
	lines []string
}

func readPage(t *testing.T, file string) *page {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return &page{file: file, lines: strings.Split(string(text), "\n")}
}

// commands are those of all console blocks, in order.
func (p *page) commands() []shown {
	var all []shown
	inside, beside := false, false
	for i := 0; i < len(p.lines); i++ {
		line := p.lines[i]
		switch {
		case line == secondTerminal:
			beside = true
		case line == console:
			inside = true
		case line == fence && inside:
			inside, beside = false, false
		case inside && strings.HasPrefix(line, "$ "):
			c := shown{beside: beside}
			for c.command = line[len("$ "):]; strings.HasSuffix(c.command, `\`); c.command += "\n" + p.lines[i] {
				i++
			}
			c.from, c.to = i+1, i+1
			all = append(all, c)
		case inside && len(all) > 0:
			all[len(all)-1].to = i + 1
		}
	}
	return all
}

// run types the page's commands one after the other and compares.
func (p *page) run(t *testing.T, s *session) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	commands := p.commands()
	outputs := make([]string, len(commands))
	beside := make(map[int]*running)
	for i, c := range commands {
		if c.beside {
			beside[i] = s.open(t, ctx, c.command)
			continue
		}
		outputs[i] = s.run(t, ctx, c.command)
	}
	for i, r := range beside {
		outputs[i] = r.close(len(p.claimed(commands[i])))
	}
	p.compare(t, commands, outputs)
}

func (p *page) claimed(c shown) []string { return p.lines[c.from:c.to] }

// compare goes from the last command to the first, so that lines stay where they are while the page
// is written.
func (p *page) compare(t *testing.T, commands []shown, outputs []string) {
	changed := false
	for i := len(commands) - 1; i >= 0; i-- {
		c, claimed := commands[i], strings.Join(p.claimed(commands[i]), "\n")
		if stable(claimed) == stable(outputs[i]) {
			continue
		}
		if !*update {
			t.Errorf("%s:%d: $ %s\nprints\n%s\nbut the page shows\n%s", p.file, c.from, c.command, outputs[i], claimed)
			continue
		}
		changed = true
		p.lines = append(p.lines[:c.from:c.from], append(strings.Split(outputs[i], "\n"), p.lines[c.to:]...)...)
	}
	if changed {
		if err := os.WriteFile(p.file, []byte(strings.Join(p.lines, "\n")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
