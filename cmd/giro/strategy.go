package main

import (
	"fmt"
	"strings"

	"github.com/girohq/giro/participants/ledger"
	"github.com/spf13/pflag"
)

// strategies is the flag that chooses a bank's strategy, or that of all banks.
type strategies struct{ chosen map[string]ledger.Strategy }

func (s *strategies) register(flags *pflag.FlagSet) {
	flags.Var(s, "strategy", "a bank's strategy as `BANK=S`, or S for all, of\n"+strategyNames())
}

// strategyNames are those of the strategies that protect.
func strategyNames() string {
	var names []string
	for _, s := range ledger.Strategies() {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}

// Set takes one choice; the flag may be given more than once.
func (s *strategies) Set(value string) error {
	bank, name, named := strings.Cut(value, "=")
	if !named {
		bank, name = "", value
	}
	if name == "" || named && bank == "" {
		return fmt.Errorf("%q: it must be BANK=NAME, or NAME", value)
	}
	strategy, err := ledger.ParseStrategy(name)
	if err != nil {
		return err
	}
	if s.chosen == nil {
		s.chosen = map[string]ledger.Strategy{}
	}
	s.chosen[bank] = strategy
	return nil
}

func (s *strategies) String() string { return "" }
func (s *strategies) Type() string   { return "strategy" }
