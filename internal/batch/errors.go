package batch

import (
	"fmt"
	"strings"

	"github.com/girohq/giro/participants/ledger"
)

// BadFiles says what is wrong with the files, as FILE:LINE: what is wrong. Nothing was started.
type BadFiles struct {
	Files []*ledger.BadLines
}

// Error is one bad line in each line of text.
func (e *BadFiles) Error() string {
	text := make([]string, len(e.Files))
	for i, f := range e.Files {
		text[i] = f.Error()
	}
	return strings.Join(text, "\n")
}

// Conflicts are transfers whose ids belong to other sagas of the data directory. Nothing was
// started. Give them other ids, or use another directory.
type Conflicts struct {
	Lines []string // the first 50, as FILE:LINE: what is wrong
	More  int      // conflicts beyond these
}

// maxConflicts bounds what is told about one file.
const maxConflicts = 50

func (e *Conflicts) add(file string, line int, id string) {
	if len(e.Lines) == maxConflicts {
		e.More++
		return
	}
	e.Lines = append(e.Lines, fmt.Sprintf("%s:%d: id %s is taken: it was started before with another type or input", file, line, id))
}

// Error is one conflict in each line of text.
func (e *Conflicts) Error() string {
	text := strings.Join(e.Lines, "\n")
	if e.More > 0 {
		text += fmt.Sprintf("\nand %d more", e.More)
	}
	return text
}
