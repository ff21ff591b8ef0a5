package orchestrator

import (
	"sync"
	"time"
)

// waiters are the callers who asked to be answered when their saga is terminal.
type waiters struct {
	mu   sync.Mutex
	byID map[string][]*waiter
}

// waiter is answered once: when the saga ends, or when its patience does.
type waiter struct {
	once   sync.Once
	answer func(end *entry, doc []byte) // nil: patience has ended
	timer  *time.Timer
}

func newWaiters() *waiters { return &waiters{byID: make(map[string][]*waiter)} }

// add registers a waiter before the saga can end.
func (ws *waiters) add(id string, patience time.Duration, answer func(end *entry, doc []byte)) *waiter {
	w := &waiter{answer: answer}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.byID[id] = append(ws.byID[id], w)
	w.timer = time.AfterFunc(patience, func() {
		ws.drop(id, w)
		w.once.Do(func() { answer(nil, nil) })
	})
	return w
}

// finished answers everyone who waits for a saga.
func (ws *waiters) finished(end *entry, doc []byte) {
	id := end.in.ID
	ws.mu.Lock()
	list := ws.byID[id]
	delete(ws.byID, id)
	ws.mu.Unlock()
	for _, w := range list {
		w.timer.Stop()
		w.once.Do(func() { w.answer(end, doc) })
	}
}

// drop forgets a waiter that is answered otherwise.
func (ws *waiters) drop(id string, w *waiter) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	list := ws.byID[id]
	for i := range list {
		if list[i] == w {
			list = append(list[:i:i], list[i+1:]...)
			break
		}
	}
	if len(list) == 0 {
		delete(ws.byID, id)
		return
	}
	ws.byID[id] = list
}

// settle answers a waiter now with something else.
func (ws *waiters) settle(id string, w *waiter, answer func()) {
	w.timer.Stop()
	ws.drop(id, w)
	w.once.Do(answer)
}
