package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// outputFormat is the form of the data on stdout. It is a pflag.Value.
type outputFormat string

const (
	outputTable outputFormat = "table" // for people
	outputJSON  outputFormat = "json"  // the API's object
	outputJSONL outputFormat = "jsonl" // an item per line
)

func (f *outputFormat) String() string { return string(*f) }
func (f *outputFormat) Type() string   { return "FORMAT" }

// Set takes one of the formats.
func (f *outputFormat) Set(s string) error {
	switch v := outputFormat(s); v {
	case outputTable, outputJSON, outputJSONL:
		*f = v
		return nil
	}
	return fmt.Errorf("it must be table, json or jsonl")
}

// print writes an answer in the wanted form: as a table, as one object, or one line per item.
func (a *app) print(object any, items []any, table func(io.Writer) error) error {
	w := bufio.NewWriter(a.stdout)
	var err error
	switch a.output {
	case outputJSON:
		err = writeJSON(w, object, "  ")
	case outputJSONL:
		err = writeLines(w, items)
	default:
		err = table(w)
	}
	if err != nil {
		return err
	}
	return w.Flush()
}

func writeLines(w io.Writer, items []any) error {
	for _, item := range items {
		if err := writeJSON(w, item, ""); err != nil {
			return err
		}
	}
	return nil
}

// writeJSON writes one value and a line end. Characters that only HTML minds stay as they are.
func writeJSON(w io.Writer, v any, indent string) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	return e.Encode(v)
}

// anys makes items of a list.
func anys[T any](list []T) []any {
	items := make([]any, len(list))
	for i := range list {
		items[i] = list[i]
	}
	return items
}

// printable takes the control characters out of text that others wrote: on a terminal they would be commands.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\t' {
			return '\uFFFD'
		}
		return r
	}, s)
}
