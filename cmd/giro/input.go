package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/girohq/giro/saga"
)

// readInput reads a saga's input from --input, a file, or stdin ("-"). Without any it is {}.
func (a *app) readInput(given bool, input string, args []string) ([]byte, error) {
	switch {
	case given && len(args) > 0:
		return nil, usageError("the input is given twice: by --input and by %s", args[0])
	case given:
		return checkedInput("--input", []byte(input))
	case len(args) == 0:
		return []byte("{}"), nil
	}
	return a.readInputFile(args[0])
}

func (a *app) readInputFile(name string) ([]byte, error) {
	data, err := a.readFile(name, saga.MaxBody)
	if err != nil {
		return nil, err
	}
	if name == "-" {
		name = "stdin"
	}
	return checkedInput(name, data)
}

// readFile reads a file or stdin ("-") of at most so many bytes.
func (a *app) readFile(name string, most int64) ([]byte, error) {
	in := a.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, fileError(name, err)
		}
		defer func() { _ = f.Close() }() // it was only read
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, most+1))
	if err != nil {
		return nil, usageError("read %s: %w", name, err)
	}
	if int64(len(data)) > most {
		return nil, usageError("%s has more than the %d bytes that are allowed", name, most)
	}
	return data, nil
}

// fileError helps who wrote "--wait 30s" where only "--wait=30s" can be told from a file.
func fileError(name string, err error) error {
	if _, notDuration := saga.ParseDuration(name); notDuration == nil && errors.Is(err, os.ErrNotExist) {
		return withTry(usageError("there is no file %s", name), "--wait=%s, with the equals sign, if that was meant", name)
	}
	return usageError("%w", err)
}

// checkedInput refuses what is not a body, as FILE:LINE:COLUMN: reason.
func checkedInput(name string, data []byte) ([]byte, error) {
	err := saga.CheckObject(data)
	var body *saga.BodyError
	switch {
	case err == nil:
		return data, nil
	case errors.As(err, &body) && body.Pointer != "":
		return nil, usageError("%s:%d:%d: %s: %s", name, body.Line, body.Column, body.Pointer, body.Reason)
	case errors.As(err, &body):
		return nil, usageError("%s:%d:%d: %s", name, body.Line, body.Column, body.Reason)
	}
	return nil, &failure{code: exitUsage, err: fmt.Errorf("%s: %w", name, err)}
}
