package jet

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// Change is what [EnsureStream] did. The zero value: nothing was to be done.
type Change struct {
	Created bool
	Updated []string // settings that differed and were set, by their JSON names
}

// EnsureStream makes the stream want.Name exist with the settings of want: it creates it,
// or updates what differs. Only what want sets counts: a field with its zero value, a
// metadata key that want does not name, are left as they are. When the server refuses, or
// does not know a setting and passes over it, the error is ErrStreamDrift and names it.
func EnsureStream(ctx context.Context, js jetstream.JetStream, want jetstream.StreamConfig) (*jetstream.StreamInfo, Change, error) {
	stream, err := js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = js.CreateStream(ctx, want)
		if err == nil {
			return verified(stream.CachedInfo(), want, Change{Created: true})
		}
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // somebody else was faster
			stream, err = js.Stream(ctx, want.Name)
		}
	}
	if err != nil {
		return nil, Change{}, fmt.Errorf("stream %s: %w", want.Name, err)
	}
	return MendStream(ctx, js, stream.CachedInfo(), want)
}

// MendStream is [EnsureStream] for a stream that is there: info is as it was seen. It creates none.
func MendStream(ctx context.Context, js jetstream.JetStream, info *jetstream.StreamInfo, want jetstream.StreamConfig) (*jetstream.StreamInfo, Change, error) {
	differing := drift(want, info.Config)
	if len(differing) == 0 {
		return info, Change{}, nil
	}
	stream, err := js.UpdateStream(ctx, merged(want, info.Config))
	var refused *jetstream.APIError
	if errors.As(err, &refused) && refused.Code != http.StatusServiceUnavailable {
		return nil, Change{}, fmt.Errorf("stream %s: %w (%s): %w", want.Name, ErrStreamDrift, strings.Join(differing, ", "), err)
	}
	if err != nil {
		return nil, Change{}, fmt.Errorf("stream %s: update %s: %w", want.Name, strings.Join(differing, ", "), err)
	}
	return verified(stream.CachedInfo(), want, Change{Updated: differing})
}

// verified refuses a stream that still differs: an older server passes over settings that
// it does not know.
func verified(info *jetstream.StreamInfo, want jetstream.StreamConfig, c Change) (*jetstream.StreamInfo, Change, error) {
	if left := drift(want, info.Config); len(left) > 0 {
		return nil, Change{}, fmt.Errorf("stream %s: %w: it passes over %s", want.Name, ErrStreamDrift, strings.Join(left, ", "))
	}
	return info, c, nil
}

// drift lists the settings of want that got does not have.
func drift(want, got jetstream.StreamConfig) []string {
	var names []string
	eachSet(want, func(i int, field reflect.StructField, w reflect.Value) {
		if !sameSetting(w.Interface(), reflect.ValueOf(got).Field(i).Interface()) {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			names = append(names, name)
		}
	})
	return names
}

// merged is got with the settings of want.
func merged(want, got jetstream.StreamConfig) jetstream.StreamConfig {
	metadata := maps.Clone(got.Metadata)
	eachSet(want, func(i int, _ reflect.StructField, w reflect.Value) {
		reflect.ValueOf(&got).Elem().Field(i).Set(w)
	})
	if metadata != nil {
		maps.Copy(metadata, want.Metadata)
		got.Metadata = metadata
	}
	return got
}

func eachSet(want jetstream.StreamConfig, fn func(i int, field reflect.StructField, w reflect.Value)) {
	v := reflect.ValueOf(want)
	for i := range v.NumField() {
		if !v.Field(i).IsZero() {
			fn(i, v.Type().Field(i), v.Field(i))
		}
	}
}

// sameSetting compares as a person would: subjects in any order, of metadata only what is
// wanted (the server adds keys of its own).
func sameSetting(want, got any) bool {
	switch w := want.(type) {
	case []string:
		g, _ := got.([]string)
		return slices.Equal(slices.Sorted(slices.Values(w)), slices.Sorted(slices.Values(g)))
	case map[string]string:
		g, _ := got.(map[string]string)
		for k, v := range w {
			if g[k] != v {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(want, got)
}
