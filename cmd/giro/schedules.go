package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/girohq/giro/client"
	"github.com/girohq/giro/saga"
	"github.com/spf13/cobra"
)

func newSchedulesCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:                        "schedules",
		Aliases:                    []string{"schedule"},
		Short:                      "Apply, list, show and delete schedules of sagas",
		Example:                    "  giro schedules apply payday.yaml",
		Args:                       cobra.ArbitraryArgs,
		RunE:                       group,
		SuggestionsMinimumDistance: suggestWithin,
	}
	cmd.AddCommand(a.applyScheduleCommand(), a.listSchedulesCommand(), a.getScheduleCommand(), a.deleteScheduleCommand())
	return cmd
}

func (a *app) applyScheduleCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "apply FILE...",
		Short: "Store schedules, each of which starts a saga again and again",
		Long: "Store schedules. A schedule is a file such as\n\n" +
			"  schedule: payday\n  saga: payroll\n  cron: \"0 6 25 * *\"       # minute hour day month weekday\n" +
			"  zone: Europe/Prague      # absent: UTC\n  input: {for: \"${schedule.time}\"}\n" +
			"  missed: once             # or skip, or all: when nobody was there\n\n" +
			"The same content again changes nothing, another one replaces it.",
		Example:           "  giro schedules apply payday.yaml",
		Args:              arguments(1, maxFiles, "FILE..."),
		ValidArgsFunction: completeDefinitionFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			schedules, err := a.readSchedules(args) // all are read before the first is stored
			if err != nil {
				return err
			}
			for _, s := range schedules {
				if err := a.with(cmd.Context(), func(ctx context.Context, to *session) error { return a.applySchedule(ctx, to, s) }); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func (a *app) readSchedules(names []string) ([]*saga.Schedule, error) {
	var schedules []*saga.Schedule
	var wrong []error
	for _, name := range names {
		data, err := a.readFile(name, maxDefinition)
		if err == nil {
			var s *saga.Schedule
			if s, err = saga.ParseSchedule(filepath.ToSlash(name), data); err == nil {
				schedules = append(schedules, s)
			}
		}
		if err != nil {
			wrong = append(wrong, err)
		}
	}
	if len(wrong) > 0 {
		return nil, &failure{code: exitUsage, err: errors.Join(wrong...)}
	}
	return schedules, nil
}

func (a *app) applySchedule(ctx context.Context, to *session, s *saga.Schedule) error {
	stored, err := to.ApplySchedule(ctx, s.Source())
	if err != nil {
		return err
	}
	return a.print(stored, []any{stored}, func(w io.Writer) error {
		became := "unchanged"
		switch {
		case stored.Created:
			became = "created"
		case stored.Changed:
			became = "changed"
		}
		_, err := fmt.Fprintf(w, "schedule %s %s, next %s\n", printable(stored.Name), became, orNever(stored.Next))
		return err
	})
}

func (a *app) listSchedulesCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List schedules, with their last and next ticks",
		Example: "  giro schedules list",
		Args:    arguments(0, 0, "list takes flags only"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.read(cmd.Context(), dir, func(ctx context.Context, r reading) error {
				list, err := r.Schedules(ctx)
				if err != nil {
					return err
				}
				return a.print(list, anys(list.Items), a.scheduleGrid(list.Items).write)
			})
		},
	}
	addDataFlag(cmd, &dir)
	return cmd
}

func (a *app) scheduleGrid(list []client.Schedule) grid {
	g := a.newGrid("NAME", "NEXT", "LAST", "STARTS", "MISSED", "LAST SAGA OR PROBLEM")
	for _, s := range list {
		g.row(printable(s.Name), orNever(s.Next), optional(s.Last), s.Starts, s.Missed, cut(joined(s.LastSaga, s.Problem), 80))
	}
	return g
}

func orNever(t *saga.Time) string {
	if t == nil {
		return "never"
	}
	return moment(t.Time)
}

func (a *app) getScheduleCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:     "get NAME",
		Short:   "Show a schedule",
		Example: "  giro schedules get payday",
		Args:    arguments(1, 1, "NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.read(cmd.Context(), dir, func(ctx context.Context, r reading) error {
				s, err := r.Schedule(ctx, args[0])
				if err != nil {
					return err
				}
				return a.printSchedule(s)
			})
		},
	}
	addDataFlag(cmd, &dir)
	return cmd
}

func (a *app) printSchedule(s client.Schedule) error {
	return a.print(s, []any{s}, func(w io.Writer) error {
		if err := a.scheduleGrid([]client.Schedule{s}).write(w); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
		return writeIndented(w, s.Schedule)
	})
}

func (a *app) deleteScheduleCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "delete NAME",
		Short:   "End a schedule; what it has started goes on",
		Example: "  giro schedules delete payday",
		Args:    arguments(1, 1, "NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd.Context(), func(ctx context.Context, s *session) error {
				deleted, err := s.DeleteSchedule(ctx, args[0])
				if err != nil {
					return err
				}
				return a.print(deleted, []any{deleted}, func(w io.Writer) error {
					_, err := fmt.Fprintf(w, "schedule %s deleted\n", printable(deleted.Name))
					return err
				})
			})
		},
	}
}
