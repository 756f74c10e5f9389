package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"windlass/internal/store"
)

// readyTimeout bounds one question whether the process may get traffic.
const readyTimeout = 2 * time.Second

// ErrDraining is why a process that is about to end is not ready.
var ErrDraining = errors.New("draining")

// NotReady gives an error of a ready function that passes on what a backend's
// /readyz said: one of its codes, or empty when it did not answer.
func NotReady(code string) error {
	if problemSorts()[code].status != http.StatusServiceUnavailable {
		code = codeBackendAway
	}
	return problem(code, "")
}

// unready gives the problem that an error of a ready function stands for. Who
// asks may be a stranger, so nothing of the error itself is told.
func unready(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	code := cmp.Or(string(store.TroubleOf(err)), codeNotReady)
	if errors.Is(err, ErrDraining) {
		code = codeShutdown
	}
	return problem(code, "")
}

// readyHandler answers whether the process may get traffic, and if not, why:
// asked of a ready function, and with the roles of the process.
func readyHandler(ready func(context.Context) error, roles []string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
		defer cancel()
		if err := ready(ctx); err != nil {
			p := *unready(err)
			p.Detail = problemSorts()[p.Code].about
			w.Header().Set("Content-Type", problemType)
			answerReady(w, p.Status, struct {
				*Problem
				Instance string   `json:"instance,omitempty"` // only the API numbers its requests
				Roles    []string `json:"roles"`
			}{&p, requestID(r.Context()), roles})
			return
		}
		w.Header().Set("Content-Type", typeJSON)
		answerReady(w, http.StatusOK, struct {
			Status string   `json:"status"`
			Roles  []string `json:"roles"`
		}{"ready", roles})
	}
}

func answerReady(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that went away
}

// unreadyProblems are those that /readyz answers with.
func unreadyProblems() map[string]problemSort {
	const none = " No task is accepted meanwhile; those that were wait in Redis."
	all := map[string]problemSort{}
	for code, s := range map[string]struct{ title, about string }{
		codeNotReady:                     {"This process takes no requests now", "What is in its way is not one of the known reasons. The log of the process tells more."},
		string(store.TroubleUnreachable): {"Redis cannot be reached", "Nobody answers at the address of Redis, or not as a Redis does." + none + " Check that it runs, and the address with windlass doctor."},
		string(store.TroubleSilent):      {"Redis does not answer in time", "Redis is too slow or stuck, has as many clients as its maxclients allows, or something on the way to it holds back what is sent." + none},
		string(store.TroubleDenied):      {"Redis does not let this process in", "Redis wants another user, password or database, or does not allow this user what is needed." + none + " A password file is read again for each new connection."},
		string(store.TroubleFull):        {"Redis is full", "The memory that Redis may use is used up. Tasks that run go on and end; no new one is accepted until there is room."},
		string(store.TroubleReadOnly):    {"Redis takes no writes", "The Redis that is asked is a replica, as in a failover that is not over." + none},
		string(store.TroubleLoading):     {"Redis is loading its data", "Redis has begun and reads what it kept on disk. It ends by itself." + none},
		string(store.TroubleUnsaved):     {"Redis cannot save its data", "Redis takes no writes because it could not write to its disk." + none + " Its log tells why."},
		string(store.TroubleCrowded):     {"Redis has too many clients", "Redis serves as many connections as its maxclients allows." + none},
		string(store.TroubleDown):        {"The Redis cluster is down", "Some slots of the cluster have no master that answers." + none},
		string(store.TroubleLagging):     {"Replicas of Redis lag behind", "This server accepts a task only when replicas of Redis have it too, and they do not answer in time." + none},
	} {
		all[code] = problemSort{http.StatusServiceUnavailable, s.title, s.about}
	}
	return all
}
