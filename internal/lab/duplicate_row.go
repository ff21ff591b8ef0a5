package lab

import (
	"context"
	"database/sql"
	"fmt"
)

func duplicateRow() Experiment {
	const plain, unique = "INDEX", "UNIQUE INDEX"
	return Experiment{
		Name:      "duplicate-row",
		Sentence:  "Two see that a row is missing, and both insert it.",
		Operation: "a request for the row of a business key, which is made if it is missing; each key is asked for 4 times",
		Anomaly:   "a key with more than one row, or with none",
		Techniques: []Technique{
			{Name: None, On: []Database{SQLite, Postgres}, Prepare: requesting(plain, (*desk).apart),
				Sentence: "SELECT the key, and INSERT it if there is no row."},
			{Name: "unique", Kind: "constraint", Claims: true, On: []Database{SQLite, Postgres}, Prepare: requesting(unique, (*desk).once),
				Sentence: "A UNIQUE index and INSERT ... ON CONFLICT DO NOTHING: so the inbox of a participant knows a command that comes again."},
			{Name: "immediate", Kind: "pessimistic locking", Claims: true, On: []Database{SQLite}, Prepare: requesting(plain, (*desk).immediate),
				Sentence: "SELECT and INSERT in one transaction that has the file's only lock from its beginning."},
			{Name: "serializable", Kind: "optimistic locking", Claims: true, On: []Database{Postgres}, Prepare: requesting(plain, (*desk).serializable),
				Sentence: "SELECT and INSERT in one serializable transaction, and run it again when Postgres refuses it (40001)."},
		},
	}
}

// desk takes requests for rows.
type desk struct {
	load Load
	db   *DB
	met  Met
}

func requesting(index string, request func(*desk, context.Context, int64) error) preparation {
	return func(ctx context.Context, w *World, on Database, load Load) (*Trial, error) {
		db, err := w.Open(ctx, on, load.conns(on), fmt.Sprintf(
			`CREATE TABLE requests (business_key BIGINT NOT NULL); CREATE %s requests_key ON requests (business_key)`, index))
		if err != nil {
			return nil, err
		}
		d := &desk{load: load, db: db}
		do := func(ctx context.Context, _, n int) error {
			thing, _ := load.asked(n)
			return request(d, ctx, businessKey(thing))
		}
		return &Trial{Do: do, Anomalies: d.wrong, Met: &d.met, Close: db.Close}, nil
	}
}

// businessKey spreads the keys, as those that clients draw are spread. It is an odd number times n, so
// no two n have the same.
func businessKey(n int) int64 { return int64(uint64(n) * 0x9E3779B97F4A7C15) }

const (
	findRequest = `SELECT count(*) FROM requests WHERE business_key = $1`
	makeRequest = `INSERT INTO requests (business_key) VALUES ($1)`
)

// makeMissing is right only if nobody else does the same meanwhile.
func makeMissing(ctx context.Context, q querier, key int64) error {
	var found int
	if err := q.QueryRowContext(ctx, findRequest, key).Scan(&found); err != nil || found > 0 {
		return err
	}
	_, err := q.ExecContext(ctx, makeRequest, key)
	return err
}

func (d *desk) apart(ctx context.Context, key int64) error { return makeMissing(ctx, d.db, key) }

func (d *desk) once(ctx context.Context, key int64) error {
	_, err := d.db.ExecContext(ctx, makeRequest+` ON CONFLICT DO NOTHING`, key)
	return err
}

func (d *desk) immediate(ctx context.Context, key int64) error {
	return d.db.InTx(ctx, nil, func(tx *sql.Tx) error { return makeMissing(ctx, tx, key) })
}

func (d *desk) serializable(ctx context.Context, key int64) error {
	return d.db.retried(ctx, &d.met, sql.LevelSerializable, func(tx *sql.Tx) error { return makeMissing(ctx, tx, key) })
}

// wrong counts keys: no operation is refused here, so each key that was asked for has one row.
func (d *desk) wrong(ctx context.Context) (int, error) {
	var keys, repeated int
	err := d.db.QueryRowContext(ctx, `SELECT count(*), coalesce(sum(CASE WHEN rows_of_key > 1 THEN 1 ELSE 0 END), 0)
		FROM (SELECT count(*) AS rows_of_key FROM requests GROUP BY business_key) counted`).Scan(&keys, &repeated)
	if err != nil {
		return 0, err
	}
	return repeated + d.load.things() - keys, nil
}
