package api

import (
	"slices"

	"windlass/internal/store"
)

// Action is what a route does, as far as it matters who may do it.
type Action string

// The actions. ActionOpen is anybody's, signed in or not.
const (
	ActionOpen         Action = "open"
	ActionReadMe       Action = "me.read"
	ActionReadTask     Action = "tasks.read"
	ActionListTasks    Action = "tasks.list"
	ActionReadSystem   Action = "system.read" // kinds, queues, workers, counts
	ActionSubmit       Action = "tasks.submit"
	ActionCancelOwn    Action = "tasks.cancel_own" // what the caller handed in
	ActionCancel       Action = "tasks.cancel"
	ActionRetry        Action = "tasks.retry"
	ActionDelete       Action = "tasks.delete"
	ActionShare        Action = "tasks.share" // a link to one task
	ActionOwnSessions  Action = "sessions.own"
	ActionAllSessions  Action = "sessions.all"
	ActionReadTokens   Action = "tokens.read"
	ActionChangeTokens Action = "tokens.change"
	ActionReadAudit    Action = "audit.read"

	ActionReadSecrets   Action = "secrets.read" // their names
	ActionChangeSecrets Action = "secrets.change"
)

// actions is the one table of who may do what: the least role that each action
// takes. Each route names its action; a role includes those below it.
func actions() map[Action]store.Role {
	return map[Action]store.Role{
		ActionReadMe:     store.RoleViewer,
		ActionReadTask:   store.RoleViewer,
		ActionListTasks:  store.RoleViewer,
		ActionReadSystem: store.RoleViewer,
		// Ending one's own session takes nothing away from anybody else.
		ActionOwnSessions: store.RoleViewer,

		ActionSubmit:    store.RoleSubmitter,
		ActionCancelOwn: store.RoleSubmitter,
		// A link shows no more than its maker sees, and ends with the maker's token.
		ActionShare: store.RoleSubmitter,

		ActionCancel: store.RoleOperator,
		ActionRetry:  store.RoleOperator,
		ActionDelete: store.RoleOperator,

		ActionAllSessions:  store.RoleAdmin,
		ActionReadTokens:   store.RoleAdmin,
		ActionReadAudit:    store.RoleAdmin,
		ActionChangeTokens: store.RoleAdmin,

		ActionReadSecrets:   store.RoleAdmin,
		ActionChangeSecrets: store.RoleAdmin,
	}
}

// actionsOf lists what a role may do, sorted.
func actionsOf(role store.Role) []Action {
	list := []Action{}
	for action, least := range actions() {
		if role.Includes(least) {
			list = append(list, action)
		}
	}
	slices.Sort(list)
	return list
}
