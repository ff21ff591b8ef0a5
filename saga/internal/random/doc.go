// Package random draws definitions by chance, for tests that hold for every definition: graphs of
// up to eight steps of all kinds and forms. It knows nothing of package saga: a definition is the text
// of its file.
package random
