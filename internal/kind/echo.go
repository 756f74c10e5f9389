package kind

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"windlass/internal/task"
)

// EchoInput is what demo.echo is asked to do.
type EchoInput struct {
	Message   json.RawMessage `json:"message" doc:"Any JSON. It comes back as the result's message." example:"\"Hello\""`
	Sleep     task.Duration   `json:"sleep,omitempty" doc:"How long to wait before answering, at most 1h." example:"5s"`
	FailFirst int             `json:"fail_first,omitempty" minimum:"0" maximum:"1000" doc:"How many attempts fail before one succeeds." example:"1"`
	Fail      bool            `json:"fail,omitempty" doc:"Fail on every attempt."`
}

// EchoResult is what demo.echo gives back.
type EchoResult struct {
	Message json.RawMessage `json:"message" doc:"The input's message."`
}

const (
	maxEchoSleep = time.Hour
	// echoNarrated is the sleep above which the kind tells what it does. Below
	// it the kind writes nothing: it is there to measure everything else.
	echoNarrated = time.Second
	echoTick     = 100 * time.Millisecond
)

// Echo is the kind for trying Windlass out and for measuring it: it gives its
// message back, later or only after some failures when asked to.
func Echo() task.Kind {
	return task.Definition[EchoInput, EchoResult]{
		Name:        "demo.echo",
		Title:       "Echo",
		Description: "Gives back the message it was handed, after a wait and after failing a few times if you like. For trying things out and for measuring.",
		Queue:       "default",
		Policy: task.Policy{
			MaxAttempts: 3,
			MinBackoff:  task.Duration(100 * time.Millisecond),
			MaxBackoff:  task.Duration(time.Minute),
			Timeout:     task.Duration(maxEchoSleep + 5*time.Minute),
			Deadline:    task.Duration(24 * time.Hour),
		},
		Example: EchoInput{Message: json.RawMessage(`"Hello"`), Sleep: task.Duration(5 * time.Second)},
		Check:   checkEcho,
		Subject: echoSubject,
		Run:     echo,
	}.Kind()
}

func checkEcho(in EchoInput) task.FieldErrors {
	var faults task.FieldErrors
	if in.Sleep < 0 || in.Sleep.Std() > maxEchoSleep {
		faults.Add("sleep", "must be from 0s to "+maxEchoSleep.String())
	}
	return faults
}

// echoSubject shows the message: a string as its text, anything else as its JSON.
func echoSubject(in EchoInput) string {
	var text string
	if json.Unmarshal(in.Message, &text) != nil {
		text = string(in.Message)
	}
	// What does not fit the subject need not be searched for line breaks.
	return strings.Join(strings.Fields(task.Cut(text, 2*task.MaxLine)), " ")
}

func echo(ctx context.Context, in EchoInput, run *task.Run) (EchoResult, error) {
	if in.Sleep > 0 {
		if err := echoSleep(ctx, in.Sleep.Std(), run); err != nil {
			return EchoResult{}, err
		}
	}
	if in.Fail {
		return EchoResult{}, &task.Error{Code: "asked_to_fail", Message: "The input asks every attempt to fail."}
	}
	if run.Attempt <= in.FailFirst {
		message := fmt.Sprintf("The input asks attempts up to number %d to fail; this was number %d.", in.FailFirst, run.Attempt)
		return EchoResult{}, &task.Error{Code: "asked_to_fail", Message: message}
	}
	return EchoResult{in.Message}, nil
}

// echoSleep waits for d or for the end of ctx, whose error it gives then.
func echoSleep(ctx context.Context, d time.Duration, run *task.Run) error {
	end := time.NewTimer(d)
	defer end.Stop()
	var tick <-chan time.Time
	start := time.Now()
	if d > echoNarrated {
		run.Logf(slog.LevelInfo, "Sleeping for %s.", d)
		ticker := time.NewTicker(echoTick)
		defer ticker.Stop()
		tick = ticker.C
	}
	for {
		select {
		case <-end.C:
			return nil
		case <-tick:
			run.Progress(int64(time.Since(start)*100/d), 100, "Sleeping for "+d.String())
		case <-ctx.Done():
			return fmt.Errorf("sleep: %w", ctx.Err())
		}
	}
}
