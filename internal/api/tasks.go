package api

import (
	"context"
	"net/http"
	"time"

	"windlass/internal/store"
	"windlass/internal/task"
)

// fresh lets a browser keep an answer and ask each time whether it still holds.
const fresh = "private, no-cache"

// TaskRef is a task in an address.
type TaskRef struct {
	ID string `path:"id" maxLength:"100" doc:"The task's id."`
}

// SharedRef is a task in an address that a link may open.
type SharedRef struct {
	TaskRef
	Link string `query:"link" maxLength:"200" doc:"A link to this task, in place of a token."`
}

type getInput struct {
	SharedRef
	IfNoneMatch string `header:"If-None-Match" doc:"An ETag: answer 304 while the task is still the same."`
}

func (a *API) getTask(ctx context.Context, in *getInput) (*taskOutput, error) {
	t, err := a.get(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	out := a.answer(ctx, t, http.StatusOK)
	if in.IfNoneMatch != "" && matches(in.IfNoneMatch, out.ETag) {
		out.Status = http.StatusNotModified
	}
	return out, nil
}

// get reads a task whole, if the caller sees it. Errors: store.ErrNotFound.
func (a *API) get(ctx context.Context, id string) (*task.Task, error) {
	t, err := a.store.Get(ctx, id)
	if err == nil && !CallerOf(ctx).sees(t.Kind, t.Queue) {
		return nil, store.ErrNotFound
	}
	return t, err
}

func (a *API) answer(ctx context.Context, t *task.Task, status int) *taskOutput {
	a.show(ctx, t)
	return &taskOutput{Status: status, ETag: etag(ctx, t), CacheControl: fresh, Body: t}
}

type listInput struct {
	State  []task.State `query:"state" maxItems:"8" enum:"scheduled,pending,active,retrying,succeeded,failed,canceled,expired" doc:"Any of these states, separated by commas."`
	Kind   []string     `query:"kind" maxItems:"50" doc:"Any of these kinds, separated by commas."`
	Queue  []string     `query:"queue" maxItems:"100" pattern:"^[a-z0-9_-]{1,40}$" doc:"Any of these queues, separated by commas."`
	Tag    []string     `query:"tag,explode" maxItems:"16" maxLength:"64" doc:"All of these tags; repeat the parameter for each."`
	After  time.Time    `query:"after" doc:"Handed in at this time or later."`
	Before time.Time    `query:"before" doc:"Handed in before this time."`
	Limit  int          `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many tasks at most."`
	Cursor string       `query:"cursor" maxLength:"200" doc:"The next_cursor of the page before."`
}

// TaskPage is a stretch of the list of tasks, newest first.
type TaskPage struct {
	Items      []*task.Task `json:"items" nullable:"false" doc:"The tasks, without input and result and with their last attempt only."`
	NextCursor *string      `json:"next_cursor" doc:"Give it as cursor to get the next page; null at the end."`
}

type listOutput struct {
	Body TaskPage
}

func (a *API) listTasks(ctx context.Context, in *listInput) (*listOutput, error) {
	c := CallerOf(ctx)
	kinds, anyKind := within(c.Kinds, in.Kind)
	queues, anyQueue := within(c.Queues, in.Queue)
	if !anyKind || !anyQueue {
		return &listOutput{TaskPage{Items: []*task.Task{}}}, nil
	}
	page, err := a.store.List(ctx, store.Filter{
		States: in.State, Kinds: kinds, Queues: queues, Tags: in.Tag, After: in.After, Before: in.Before,
	}, in.Limit, in.Cursor)
	if err != nil {
		return nil, err
	}
	out := &listOutput{TaskPage{Items: a.showAll(ctx, page.Tasks)}}
	if page.Next != "" {
		out.Body.NextCursor = &page.Next
	}
	return out, nil
}

// cancelTask answers 200 with the canceled task, or 202 when it runs and was
// asked to stop. Canceling twice is no error; canceling what ended otherwise is.
func (a *API) cancelTask(ctx context.Context, in *TaskRef) (*taskOutput, error) {
	if err := a.mayCancel(ctx, in.ID); err != nil {
		return nil, err
	}
	state, err := a.store.Cancel(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if state.Final() && state != task.Canceled {
		return nil, &store.StateError{State: state}
	}
	t, err := a.store.Get(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	status := http.StatusOK
	if state == task.Active {
		status = http.StatusAccepted
	}
	return a.answer(ctx, t, status), nil
}

func (a *API) retryTask(ctx context.Context, in *TaskRef) (*taskOutput, error) {
	if err := a.reach(ctx, in.ID); err != nil {
		return nil, err
	}
	if err := a.store.Retry(ctx, in.ID); err != nil {
		return nil, err
	}
	t, err := a.store.Get(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return a.answer(ctx, t, http.StatusAccepted), nil
}

type empty struct{}

func (a *API) deleteTask(ctx context.Context, in *TaskRef) (*empty, error) {
	if err := a.reach(ctx, in.ID); err != nil {
		return nil, err
	}
	if err := a.store.Delete(ctx, in.ID); err != nil {
		return nil, err
	}
	return nil, nil
}
