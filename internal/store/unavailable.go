package store

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Unavailable reports whether err means that Redis cannot answer or accept now
// and may again later, rather than that something is wrong with the question.
func Unavailable(err error) bool {
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	for _, e := range []error{
		io.EOF, io.ErrUnexpectedEOF, context.DeadlineExceeded, net.ErrClosed,
		redis.Nil, redis.ErrClosed, redis.ErrPoolTimeout, redis.ErrPoolExhausted, errNoPassword,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	answer, ok := errors.AsType[redis.Error](err)
	if !ok {
		return false
	}
	// What a server says of itself, not of the command. A script's own failure
	// names the cause in its text: "... OOM command not allowed ...".
	text := answer.Error()
	word, _, _ := strings.Cut(text, " ")
	busy := []string{
		"OOM", "LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY",
		"NOREPLICAS", "MISCONF", "NOAUTH", "WRONGPASS", "NOPERM", "MOVED", "ASK",
		"EXECABORT", // one of the above, said of a command in a transaction
	}
	if slices.Contains(busy, word) {
		return true
	}
	for _, part := range []string{
		"OOM command not allowed", "-READONLY ", "-MISCONF ", inScript, inScript7,
		"max number of clients", "DB index is out of range",
		"Protocol error: unauthenticated", // NOAUTH for a command of more than ten words
	} {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// full reports whether Redis refused because its maxmemory is used up.
func full(err error) bool {
	answer, ok := errors.AsType[redis.Error](err)
	return ok && strings.Contains(answer.Error(), "OOM command not allowed")
}

// How a script says that the user may not do what it does: up to Redis 7.0, and since.
const (
	inScript  = "The user executing the script can't"
	inScript7 = "ACL failure in script"
)
