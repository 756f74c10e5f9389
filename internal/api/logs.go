package api

import (
	"bytes"
	"context"
	"fmt"

	"github.com/danielgtaylor/huma/v2/negotiation"

	"windlass/internal/task"
)

type logsInput struct {
	SharedRef
	After int64 `query:"after" minimum:"0" doc:"Lines after this sequence number."`
	Limit int   `query:"limit" minimum:"1" maximum:"1000" default:"200" doc:"How many lines at most."`
}

// LogPage is a stretch of a task's log, oldest first.
type LogPage struct {
	Items     []task.LogLine `json:"items" nullable:"false"`
	NextAfter int64          `json:"next_after" doc:"Give it as after to get the lines that follow."`
	Dropped   int64          `json:"dropped" doc:"How many lines between after and the first of these are gone: a task keeps its last 1000."`
}

type logsOutput struct {
	Body LogPage
}

func (a *API) listLogs(ctx context.Context, in *logsInput) (*logsOutput, error) {
	if err := a.reach(ctx, in.ID); err != nil {
		return nil, err
	}
	logs, err := a.store.Logs(ctx, in.ID, in.After, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &logsOutput{LogPage{Items: logs.Lines, NextAfter: in.After}}
	if n := len(logs.Lines); n > 0 {
		out.Body.NextAfter = logs.Lines[n-1].Seq
		out.Body.Dropped = logs.Lines[0].Seq - 1 - in.After
	}
	return out, nil
}

type resultInput struct {
	SharedRef
	Format string `query:"format" enum:"json,csv" doc:"Which form. Left out: as the header Accept says."`
	Accept string `header:"Accept" doc:"application/json or, where the kind has it, text/csv."`
}

type resultOutput struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Vary        string `header:"Vary"`
	Body        []byte
}

const (
	typeJSON = "application/json"
	typeCSV  = "text/csv"
)

func (a *API) getResult(ctx context.Context, in *resultInput) (*resultOutput, error) {
	t, err := a.get(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if t.Result == nil {
		return nil, problem(codeNoResult, fmt.Sprintf("The task is %s and has no result.", t.State))
	}
	form := in.Format
	if form == "" && negotiation.SelectQValue(in.Accept, []string{typeJSON, typeCSV}) == typeCSV {
		form = "csv"
	}
	if form != "csv" {
		return &resultOutput{ContentType: typeJSON, Vary: "Accept", Body: append(t.Result, '\n')}, nil
	}
	k, known := a.kinds[t.Kind]
	if !known || !k.HasCSV {
		return nil, problem(codeNotAcceptable, "")
	}
	var csv bytes.Buffer
	if err := k.CSV(t.Result, &csv); err != nil {
		return nil, fmt.Errorf("write result of %s as CSV: %w", t.ID, err)
	}
	return &resultOutput{
		ContentType: typeCSV + "; charset=utf-8", Vary: "Accept", Body: csv.Bytes(),
		Disposition: `attachment; filename="` + t.ID + `.csv"`,
	}, nil
}
