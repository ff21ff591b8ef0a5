package standby

import (
	"context"
	"errors"
	"fmt"
)

// service is what is led, while it runs.
type service struct {
	stop  context.CancelFunc
	ended chan struct{}
	err   error // when ended
}

// begin runs it until [Candidate.end]. That it ends by itself ends the candidate.
func (c *Candidate) begin(ctx context.Context, run func(context.Context) error) *service {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	s := &service{stop: stop, ended: make(chan struct{})}
	go func() {
		defer close(s.ended)
		s.err = run(ctx)
		if ctx.Err() == nil {
			c.fail(errors.Join(fmt.Errorf("%s has ended by itself", c.cfg.Of), s.err))
		}
	}()
	return s
}

// end drains what is led, if anything is, and with it gives up the data.
func (c *Candidate) end() error {
	if c.leading == nil {
		return nil
	}
	s := c.leading
	c.leading = nil
	s.stop()
	<-s.ended
	return s.err
}
