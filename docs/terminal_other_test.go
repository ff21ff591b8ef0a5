//go:build !linux

package docs_test

import (
	"errors"
	"os"
)

func newTerminal() (screen, tty *os.File, err error) {
	return nil, nil, errors.New("this test makes terminals on Linux only")
}
