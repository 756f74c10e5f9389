package api

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
)

// routes is the one list of what the API offers.
func (a *API) routes(h huma.API) {
	register(a, h, ActionSubmit, huma.Operation{
		OperationID: "submitTask", Method: http.MethodPost, Path: pathTasks, Tags: []string{tagTasks},
		DefaultStatus: http.StatusAccepted, Errors: []int{400, 410, 413, 415, 422}, RequestBody: &huma.RequestBody{},
		Summary: "Hand in a task",
		Description: "Answers 202 once the task is kept; it will run. It answers 200 when a task that is there already answers the request: " +
			"a kept result (header Age), a task that holds the unique key, or one that an earlier request with this Idempotency-Key made " +
			"(header Idempotency-Replayed). With Prefer: wait=N it also answers 200 when the task ended in time.",
		Responses: map[string]*huma.Response{"200": {Description: "A task that is there already, or that ended while waiting"}},
	}, a.submit)
	register(a, h, ActionSubmit, huma.Operation{
		OperationID: "submitTasks", Method: http.MethodPost, Path: pathBulk, Tags: []string{tagTasks},
		Errors: []int{400, 413, 415, 422}, RequestBody: &huma.RequestBody{},
		Summary:     "Hand in many tasks",
		Description: "Up to 10,000 tasks at once. Each has its own outcome, in order; a fault in one leaves the others alone. With an Idempotency-Key the request may be sent again until each item has a task: none is made twice. When the store could take none of them the whole answer is 503, with Retry-After.",
	}, a.submitBulk)
	register(a, h, ActionListTasks, huma.Operation{
		OperationID: "listTasks", Method: http.MethodGet, Path: pathTasks, Tags: []string{tagTasks}, Errors: []int{422},
		Summary:     "List tasks, newest first",
		Description: "A page may be short, or even empty, before the end when several tags must match; only next_cursor tells.",
	}, a.listTasks)
	register(a, h, ActionReadTask, huma.Operation{
		OperationID: "getTask", Method: http.MethodGet, Path: pathTask, Tags: []string{tagTasks}, Errors: []int{404},
		Summary:   "Get a task",
		Responses: map[string]*huma.Response{"304": {Description: "It is still as If-None-Match says"}},
	}, a.getTask)
	register(a, h, ActionDelete, huma.Operation{
		OperationID: "deleteTask", Method: http.MethodDelete, Path: pathTask, Tags: []string{tagTasks}, Errors: []int{404, 409},
		DefaultStatus: http.StatusNoContent,
		Summary:       "Delete a final task", Description: "Its record, log and result are gone for good.",
	}, a.deleteTask)
	register(a, h, ActionCancelOwn, huma.Operation{
		OperationID: "cancelTask", Method: http.MethodPost, Path: pathTask + "/cancel", Tags: []string{tagTasks}, Errors: []int{404, 409},
		Summary:     "Call a task off",
		Description: "A task that waits is canceled at once (200). One that runs is asked to stop (202) and is canceled as soon as it has. Canceling a canceled task changes nothing.",
		Responses:   map[string]*huma.Response{"202": {Description: "It runs and was asked to stop"}},
	}, a.cancelTask)
	register(a, h, ActionRetry, huma.Operation{
		OperationID: "retryTask", Method: http.MethodPost, Path: pathTask + "/retry", Tags: []string{tagTasks}, Errors: []int{404, 409},
		DefaultStatus: http.StatusAccepted,
		Summary:       "Try a task again, or now",
		Description:   "A final task gets a new series of attempts and keeps its history. A scheduled or retrying one stops waiting and runs now.",
	}, a.retryTask)
	register(a, h, ActionReadTask, huma.Operation{
		OperationID: "listLogs", Method: http.MethodGet, Path: pathTask + "/logs", Tags: []string{tagTasks}, Errors: []int{404, 422},
		Summary: "Read a task's log", Description: "Oldest line first. A task keeps its last 1000 lines.",
	}, a.listLogs)
	register(a, h, ActionReadTask, huma.Operation{
		OperationID: "getResult", Method: http.MethodGet, Path: pathTask + "/result", Tags: []string{tagTasks}, Errors: []int{404, 406, 422},
		Summary: "Get a task's result alone", Description: "As JSON, as the kind's result schema says, or as CSV where the kind has it.",
		Responses: map[string]*huma.Response{"200": {Description: "The result", Content: map[string]*huma.MediaType{
			typeJSON: {Schema: &huma.Schema{Description: "As the result schema of the task's kind says."}},
			typeCSV:  {Schema: &huma.Schema{Type: huma.TypeString}},
		}}},
	}, a.getResult)
	a.eventRoutes(h)
	a.secretRoutes(h)
	a.systemRoutes(h)
	a.sessionRoutes(h)
	a.tokenRoutes(h)
}

func (a *API) eventRoutes(h huma.API) {
	register(a, h, ActionReadTask, huma.Operation{
		OperationID: "taskEvents", Method: http.MethodGet, Path: pathTask + "/events", Tags: []string{tagEvents}, Errors: []int{404, 422},
		Summary: "Follow a task",
		Description: "Server-sent events: task (the task without input and result, first of all and after each change), log (a line of its log), " +
			"end (the task is final; close the stream and get its result), and heartbeat (every 15 seconds; a stream that is silent for longer is dead). An event's id is <version>.<sequence number of the last log line>.",
		Responses: eventResponse("task, end: a Task without input and result. log: a LogLine. heartbeat: an empty object."),
	}, a.taskEvents)
	register(a, h, ActionListTasks, huma.Operation{
		OperationID: "events", Method: http.MethodGet, Path: prefix + "/events", Tags: []string{tagEvents}, Errors: []int{422},
		Summary: "Follow all tasks",
		Description: "Server-sent events: task (a task that changed, without input and result; changes within a quarter of a second come as one), " +
			"deleted (its id), counts (at, totals and items of GET /api/v1/stats, at most once a second), reset (too much was missed: fetch the list again), " +
			"and heartbeat (every 15 seconds; a stream that is silent for longer is dead).",
		Responses: eventResponse("task: a Task without input and result. counts: at, totals and items of Stats. deleted: its id. reset, heartbeat: an empty object."),
	}, a.allEvents)
}

func eventResponse(data string) map[string]*huma.Response {
	return map[string]*huma.Response{"200": {Description: "The stream", Content: map[string]*huma.MediaType{
		"text/event-stream": {Schema: &huma.Schema{Description: "Events whose data is JSON. " + data}},
	}}}
}

func (a *API) systemRoutes(h huma.API) {
	register(a, h, ActionReadSystem, huma.Operation{
		OperationID: "listKinds", Method: http.MethodGet, Path: prefix + "/kinds", Tags: []string{tagSystem},
		Summary: "List the kinds of tasks", Description: "With the schemas of their inputs and results.",
	}, a.listKinds)
	register(a, h, ActionReadSystem, huma.Operation{
		OperationID: "listQueues", Method: http.MethodGet, Path: prefix + "/queues", Tags: []string{tagSystem},
		Summary: "List the queues",
	}, a.listQueues)
	register(a, h, ActionReadSystem, huma.Operation{
		OperationID: "listWorkers", Method: http.MethodGet, Path: prefix + "/workers", Tags: []string{tagSystem},
		Summary: "List the workers", Description: "Those that gave a sign of life within 10 s.",
	}, a.listWorkers)
	register(a, h, ActionReadAudit, huma.Operation{
		OperationID: "listAudit", Method: http.MethodGet, Path: prefix + "/audit", Tags: []string{tagSystem}, Errors: []int{422},
		Summary: "Read the audit trail, newest first",
		Description: "Who changed what, from where, and who was refused. Tasks that programs hand in are left to the log. " +
			"The trail keeps about the 20,000 latest entries of each role, and as many of what was refused. A page may be short before the end; only next_cursor tells.",
	}, a.listAudit)
	register(a, h, ActionReadSystem, huma.Operation{
		OperationID: "getStats", Method: http.MethodGet, Path: prefix + "/stats", Tags: []string{tagSystem},
		Summary:     "Count the tasks, and what waits for workers",
		Description: "For scripts and autoscalers: plain numbers, seconds as numbers too.",
	}, a.getStats)
	register(a, h, ActionReadSystem, huma.Operation{
		OperationID: "getSystem", Method: http.MethodGet, Path: prefix + "/system", Tags: []string{tagSystem},
		Summary: "Ask whether all is well", Description: "Every process and how it ships its log lines, the store, and what somebody should look at. It answers while the store is away, too.",
	}, a.getSystem)
}

func (a *API) sessionRoutes(h huma.API) {
	register(a, h, ActionOpen, huma.Operation{
		OperationID: "getSession", Method: http.MethodGet, Path: pathSession, Tags: []string{tagSession},
		Summary: "Ask whether to sign in",
	}, a.getSession)
	register(a, h, ActionOpen, huma.Operation{
		OperationID: "signIn", Method: http.MethodPost, Path: pathSession, Tags: []string{tagSession},
		DefaultStatus: http.StatusNoContent, Errors: []int{400, 401, 403, 413, 415, 422},
		Summary: "Sign in", Description: "Opens a session and sets its cookie. For the page; programs send the token itself.",
	}, a.signIn)
	register(a, h, ActionOpen, huma.Operation{
		OperationID: "signOut", Method: http.MethodDelete, Path: pathSession, Tags: []string{tagSession},
		DefaultStatus: http.StatusNoContent, Errors: []int{403},
		Summary: "Sign out", Description: "Ends the session of the cookie.",
	}, a.signOut)
	register(a, h, ActionReadMe, huma.Operation{
		OperationID: "getMe", Method: http.MethodGet, Path: prefix + "/me", Tags: []string{tagSession},
		Summary: "Ask who one is", Description: "The role, what it allows, and the kinds and queues that it is bound to.",
	}, a.getMe)
	register(a, h, ActionOwnSessions, huma.Operation{
		OperationID: "listSessions", Method: http.MethodGet, Path: prefix + "/sessions", Tags: []string{tagSession}, Errors: []int{422},
		Summary: "List open sessions", Description: "Browsers that are signed in with the caller's token; with all, and for admins, those of every token.",
	}, a.listSessions)
	register(a, h, ActionOwnSessions, huma.Operation{
		OperationID: "endSession", Method: http.MethodDelete, Path: prefix + "/sessions/{id}", Tags: []string{tagSession}, Errors: []int{404},
		DefaultStatus: http.StatusNoContent,
		Summary:       "End a session", Description: "The browser is signed out at once. An admin may end anybody's.",
	}, a.endSession)
}

func (a *API) tokenRoutes(h huma.API) {
	register(a, h, ActionChangeTokens, huma.Operation{
		OperationID: "createToken", Method: http.MethodPost, Path: pathTokens, Tags: []string{tagTokens},
		DefaultStatus: http.StatusCreated, Errors: []int{400, 413, 415, 422},
		Summary: "Make a token", Description: "The answer holds its text, which can be had only now.",
	}, a.createToken)
	register(a, h, ActionReadTokens, huma.Operation{
		OperationID: "listTokens", Method: http.MethodGet, Path: pathTokens, Tags: []string{tagTokens},
		Summary: "List the tokens", Description: "Newest first; those that expired or were revoked stay for 30 days.",
	}, a.listTokens)
	register(a, h, ActionReadTokens, huma.Operation{
		OperationID: "getToken", Method: http.MethodGet, Path: pathTokens + "/{id}", Tags: []string{tagTokens}, Errors: []int{404},
		Summary: "Get a token",
	}, a.getToken)
	register(a, h, ActionChangeTokens, huma.Operation{
		OperationID: "revokeToken", Method: http.MethodDelete, Path: pathTokens + "/{id}", Tags: []string{tagTokens}, Errors: []int{404, 409},
		DefaultStatus: http.StatusNoContent,
		Summary:       "Revoke a token", Description: "Once this is answered no process lets it in, nor its sessions and links.",
	}, a.revokeToken)
	register(a, h, ActionShare, huma.Operation{
		OperationID: "createLink", Method: http.MethodPost, Path: pathTask + "/links", Tags: []string{tagTasks},
		DefaultStatus: http.StatusCreated, Errors: []int{400, 404, 413, 415, 422},
		Summary: "Make a link to a task", Description: "Who has it may read this one task, its log and its events until it ends, without signing in.",
	}, a.createLink)
}

// pages adds what is not part of the API proper. All of it is open.
func (a *API) pages(router chi.Router) {
	open := func(path string, h http.Handler) {
		a.actionOf[http.MethodGet+" "+path] = ActionOpen
		router.Method(http.MethodGet, path, h)
	}
	health := HealthHandler(a.config.Ready, a.config.Process().Roles, a.config.Metrics.Handler())
	for _, path := range HealthPaths() {
		open(path, health)
	}
	open("/openapi.json", a.document.serve("application/json", a.document.json))
	open("/openapi.yaml", a.document.serve("application/yaml", a.document.yaml))
	open("/docs", a.document.serve(typeHTML, a.document.page))
	open("/redoc", a.document.serve(typeHTML, a.document.page))
	open("/problems", http.HandlerFunc(a.problemPage))
	open("/problems/{slug}", http.HandlerFunc(a.problemPage))
}
