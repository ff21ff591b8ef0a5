// Package floor does the least that any saga engine of this kind must do for a transfer, to measure what Giro adds.
//
// An orchestrator's database and two banks', with the product's tables and settings: the same rows are written in the
// same group commits ([outbox.Loop]), each synced before anything is sent. The same messages are published, stored,
// delivered and acknowledged, with the same headers and bodies of the same size: a request and its answer, two
// commands, two replies, two events.
//
// What a saga engine is for is not there: no definition, no decision, nothing that a repeat, a loss or a refusal
// would meet, no timer, nothing sent again. So nothing can be faster on the same tables, files and messages; a
// design that needs fewer of them can.
package floor
