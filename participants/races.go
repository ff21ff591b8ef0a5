package participants

import (
	"github.com/girohq/giro/races"
	"github.com/girohq/giro/saga"
)

// Races counts what this participant has prevented since it was made.
func (p *Participant) Races() *races.Counts { return p.races }

// prevented counts, after the commit, what the barrier prevented for one command.
func (p *Participant) prevented(d *delivery) {
	if len(d.raced) == 0 && d.answer.Outcome == saga.Conflict { // found by the handler: a hold that is not there
		p.races.Add(races.RecordConflict)
	}
	for _, k := range d.raced {
		p.races.Add(k)
	}
}

// prevented says which races a command lost at the barrier: row as it was, next as it is stored. Nearly
// always it is none.
func prevented(row, next saga.Row, a saga.Arrival, verdict saga.Verdict, rec saga.Record) []races.Kind {
	switch {
	case verdict != saga.Answer:
		return nil
	case rec.Outcome == saga.Conflict:
		return []races.Kind{conflictKind(rec.Code)}
	case row.State == saga.RowNone && a.Direction == saga.Backward:
		return []races.Kind{races.FenceSet, races.OutOfOrder}
	case row.State == saga.RowNone:
		return []races.Kind{races.FenceSet}
	case a.Direction == saga.Forward && rec.Outcome == saga.Fenced:
		return []races.Kind{races.FenceRefused}
	case repeated(row, next, a):
		return []races.Kind{races.DuplicateCommand}
	}
	return nil
}

// repeated says whether the command was here before. An inquiry carries the forward's hash, so that
// cannot tell the first one from the second: it is a question, and asking twice is no race.
func repeated(row, next saga.Row, a saga.Arrival) bool {
	switch a.Direction {
	case saga.Forward:
		return row.ForwardHash != ""
	case saga.Backward:
		return row.BackwardHash != "" && row.State == next.State
	case saga.Close:
		return row.State == saga.RowClosed
	}
	return false
}

func conflictKind(code string) races.Kind {
	switch code {
	case "other_content":
		return races.ContentConflict
	case "other_origin":
		return races.OriginConflict
	}
	return races.RecordConflict
}
