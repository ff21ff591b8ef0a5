package client

import (
	"fmt"

	"github.com/google/uuid"
)

// NewID makes a saga id: a UUIDv7, so that ids sort by time.
func NewID() (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("make an id: %w", err)
	}
	return id.String(), nil
}
