package main

import (
	"time"

	"github.com/girohq/giro/saga"
	"github.com/spf13/pflag"
)

// keep is the flag that says how long finished sagas stay whole; 0: for ever.
type keep time.Duration

func (k *keep) register(flags *pflag.FlagSet) {
	flags.Var(k, "keep", "archive sagas that ended `TIME` ago, as 30d; 0: never")
}

// String implements [pflag.Value].
func (k *keep) String() string {
	if *k == 0 {
		return "0"
	}
	return time.Duration(*k).String()
}

// Set implements [pflag.Value].
func (k *keep) Set(s string) error {
	if s == "0" {
		*k = 0
		return nil
	}
	d, err := saga.ParseDuration(s)
	*k = keep(d)
	return err
}

// Type implements [pflag.Value].
func (k *keep) Type() string { return "duration" }
