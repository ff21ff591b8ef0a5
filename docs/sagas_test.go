package docs_test

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/girohq/giro/saga"
)

// TestLanguagePage reads every definition on the page, and looks for every field that there is.
func TestLanguagePage(t *testing.T) {
	page := read(t, "sagas.md")
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(page, -1)
	if len(blocks) < 7 {
		t.Errorf("%d definitions", len(blocks))
	}
	for i, b := range blocks {
		if _, err := saga.Parse(fmt.Sprintf("block %d", i+1), []byte(b[1])); err != nil {
			t.Error(err)
		}
	}
	fields := regexp.MustCompile(`stepFields = \[\]string\{([^}]*)\}`).FindStringSubmatch(read(t, "../saga/step.go"))
	if fields == nil {
		t.Fatal("no list of fields in saga/step.go")
	}
	for _, name := range regexp.MustCompile(`"(\w+)"`).FindAllStringSubmatch(fields[1], -1) {
		if !regexp.MustCompile(`\b` + name[1] + `\b`).MatchString(page) {
			t.Errorf("the page does not tell of the field %s", name[1])
		}
	}
}
