package outbox

import (
	"context"
	"errors"
	"fmt"
)

// ReadStoreID is [DB.StoreID] of a database that may be open in another process. It fails where there
// is none yet.
func ReadStoreID(ctx context.Context, path string) (id string, err error) {
	db, err := OpenReadOnly(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.GetContext(ctx, &id, `SELECT value FROM meta WHERE key = 'store_id'`); err != nil {
		return "", fmt.Errorf("outbox: store id of %s: %w", path, err)
	}
	return id, nil
}
