package participants

import (
	"context"

	"github.com/girohq/giro/saga"
)

// Entry is what [Config.Enter] has taken for the commands of one transaction. A handler must not wait
// for another system, because it has the database's only writer or the locks of its rows; what it
// needs from outside is taken before the transaction begins.
type Entry struct {
	Values  context.Context // what handlers find in their context; nil: nothing
	Refused []error         // nil, or for each command nil or why it cannot go on now: it is answered with a retry
	Leave   func()          // called once, after the commit or what came of it instead; nil: nothing to give back
}

func (e Entry) refusal(i int) error {
	if i < len(e.Refused) {
		return e.Refused[i]
	}
	return nil
}

// Enter answers the commands that cannot go on, and returns the others.
func (w *worker) Enter(batch []*delivery) []*delivery {
	admitted, refused := w.admit(batch)
	for _, d := range refused {
		w.p.reply(d)
	}
	return admitted
}

// admit parts those that may go on from those that have got their answer. It reuses the slice.
func (w *worker) admit(batch []*delivery) (admitted, refused []*delivery) {
	if w.p.enter == nil {
		return batch, nil
	}
	commands := make([]saga.Command, len(batch))
	for i, d := range batch {
		commands[i] = d.command
	}
	w.entry = w.p.enter(commands)
	admitted = batch[:0]
	for i, d := range batch {
		err := w.entry.refusal(i)
		if err == nil {
			admitted = append(admitted, d)
			continue
		}
		d.answer, d.commit = verdictOn(err, d.command), 0
		d.answer.Outcome = saga.Retried // nothing of it was recorded
		refused = append(refused, d)
	}
	return admitted, refused
}

// Leave gives back what was taken for the batch.
func (w *worker) Leave() {
	if w.entry.Leave != nil {
		w.entry.Leave()
	}
	w.entry = Entry{}
}
