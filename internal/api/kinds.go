package api

import (
	"context"
	"encoding/json"
	"slices"

	"windlass/internal/task"
)

// KindInfo is a kind as clients see it.
type KindInfo struct {
	Name         string          `json:"name" example:"http.request"`
	Title        string          `json:"title" example:"HTTP request"`
	Description  string          `json:"description"`
	Queue        string          `json:"queue" doc:"Where its tasks go unless they say otherwise."`
	Policy       task.Policy     `json:"policy" doc:"The rules for attempts unless a task says otherwise."`
	Example      json.RawMessage `json:"example" doc:"An input that works as it stands."`
	InputSchema  json.RawMessage `json:"input_schema" doc:"JSON Schema 2020-12 of the input, without references; x-order lists an object's fields as they should be shown."`
	ResultSchema json.RawMessage `json:"result_schema" doc:"The same for the result."`
	CSV          bool            `json:"csv" doc:"Whether results can be had as CSV."`
}

// Kinds is every kind that this server knows.
type Kinds struct {
	Items []KindInfo `json:"items" nullable:"false"`
}

type kindsOutput struct {
	Body Kinds
}

func (a *API) describeKind(k task.Kind) (KindInfo, error) {
	input, err := selfContained(a.registry, a.kinds[k.Name].schema)
	if err != nil {
		return KindInfo{}, err
	}
	result, err := selfContained(a.registry, a.registry.Schema(withText(k.Result), true, kindSchema(k.Name, "Result")))
	if err != nil {
		return KindInfo{}, err
	}
	return KindInfo{
		Name: k.Name, Title: k.Title, Description: k.Description, Queue: k.Queue, Policy: k.Policy,
		Example: k.Example, InputSchema: input, ResultSchema: result, CSV: k.HasCSV,
	}, nil
}

func (a *API) listKinds(ctx context.Context, _ *struct{}) (*kindsOutput, error) {
	c := CallerOf(ctx)
	if len(c.Kinds) == 0 {
		return &kindsOutput{a.kindList}, nil
	}
	out := &kindsOutput{Kinds{Items: []KindInfo{}}}
	for _, k := range a.kindList.Items {
		if slices.Contains(c.Kinds, k.Name) {
			out.Body.Items = append(out.Body.Items, k)
		}
	}
	return out, nil
}
