package leaks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"windlass/internal/task"
)

// crashInput is what a careless author's kind takes.
type crashInput struct {
	How    string `json:"how" enum:"return,fail,panic,panic_error,wait"`
	Secret string `json:"secret" writeOnly:"true" maxLength:"200"`
	Stored string `json:"stored,omitempty"`
}

type crashResult struct {
	Said string `json:"said"`
}

// crash is a kind that tells its secrets in every way in which a kind can.
func crash() task.Kind {
	return task.Definition[crashInput, crashResult]{
		Name: "test.crash", Title: "Crash", Description: "For tests.", Queue: "default",
		Policy:  task.Policy{MaxAttempts: 1, MinBackoff: 1, MaxBackoff: 1, Timeout: task.Duration(1e10), Deadline: task.Duration(1e11)},
		Example: crashInput{How: "return"}, Subject: func(in crashInput) string { return "Crash by " + in.How },
		Summary: func(in crashInput, out crashResult) string { return in.Secret + out.Said },
		Secrets: func(in crashInput) []task.SecretRef {
			if in.Stored == "" {
				return nil
			}
			return []task.SecretRef{{Field: "stored", Name: in.Stored}}
		},
		Run: func(ctx context.Context, in crashInput, run *task.Run) (crashResult, error) {
			said := in.Secret
			if in.Stored != "" {
				s, err := run.Secret(ctx, in.Stored)
				if err != nil {
					return crashResult{}, err
				}
				said += " " + s.Value + " " + s.Previous
			}
			run.Logf(slog.LevelInfo, "secrets: %s %q", said, said)
			run.Progress(1, 2, said)
			switch in.How {
			case "fail":
				return crashResult{}, fmt.Errorf("outer %s: %w", said, &task.Error{Code: "broken", Message: "It is " + said, Err: errors.New(said)})
			case "panic":
				panic(said)
			case "panic_error":
				panic(&task.Error{Code: "broken", Message: said})
			case "wait":
				<-ctx.Done()
				return crashResult{}, fmt.Errorf("gave up with %s: %w", said, ctx.Err())
			}
			return crashResult{said}, nil
		},
	}.Kind()
}
