// Package client starts sagas and looks after them over NATS.
//
// # Three doors
//
// [StartTx] is a row in the caller's own database, in the caller's own transaction: the saga starts if
// and only if that transaction commits. A [Starter] sends the row until the saga is committed by the
// orchestrator. It needs neither a broker nor an orchestrator at that time, survives the loss of either,
// and nobody has to repeat anything: it is for callers that write something of their own as well.
//
// [Client.Start] is a request: it returns when the saga is committed by the orchestrator, or with
// [WithWait] when it has ended. Until then it repeats the same start, since only a commit is a
// promise; one id starts one saga, however often it is repeated and through whichever door.
//
// [Client.Publish] is a message: it returns when the broker has the start on its disk. The saga
// begins as soon as an orchestrator reads it, so the caller needs none to be up. A start that is
// refused there becomes a dead letter that nobody answers for, and a broker that loses its store
// loses what was not read yet: who must be sure repeats the id until [Client.Get] finds it.
//
// # Waiting
//
// Events are hints. [Client.Wait] and [Client.Follow] listen for them to be quick, and ask again
// now and then to be right. [Client.Watch] shows them as they come.
//
// # Errors
//
// What the orchestrator refuses is a [*Problem] with a code for programs. What keeps a request
// from being answered is [ErrUnreachable], [ErrTimeout] or [ErrUnauthorized].
package client
