package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"math"
	"path"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
	"google.golang.org/protobuf/encoding/protowire"

	"windlass/internal/task"
)

//go:embed lua/*.lua
var luaFiles embed.FS

// scripts holds one script a file of folder lua.
type scripts struct {
	submit, claim, extend, report, end, cancel, retry, delete, upkeep, trim, list, logs, mend, lead *redis.Script
}

func loadScripts() (scripts, error) {
	prelude, err := luaFiles.ReadFile("lua/prelude.lua")
	if err != nil {
		return scripts{}, fmt.Errorf("read script prelude: %w", err)
	}
	constants := strings.NewReplacer(
		"@events@", strconv.Itoa(eventsKept),
		"@told@", strconv.Itoa(changesTold),
		"@attempts@", strconv.Itoa(task.MaxAttemptsKept),
		"@lines@", strconv.Itoa(task.MaxLogLines),
		"@listed@", strconv.Itoa(attemptsListed),
		"@message@", luaBytes(messageTail()),
	)
	var failed error
	load := func(name string) *redis.Script {
		body, err := luaFiles.ReadFile(path.Join("lua", name+".lua"))
		failed = errors.Join(failed, err)
		return redis.NewScript(constants.Replace(string(prelude) + string(body)))
	}
	all := scripts{
		submit: load("submit"), claim: load("claim"), extend: load("extend"), report: load("report"),
		end: load("end"), cancel: load("cancel"), retry: load("retry"), delete: load("delete"),
		upkeep: load("upkeep"), trim: load("trim"), list: load("list"), logs: load("logs"),
		mend: load("mend"), lead: load("lead"),
	}
	return all, failed
}

// messageTail is the constant end of asynq's message: retries and timeout so
// large that asynq never decides anything (a timeout of 0 would mean 30 minutes,
// asynq 0.26 client.go).
func messageTail() []byte {
	const century = 100 * 365 * 24 * 60 * 60
	b := protowire.AppendTag(nil, 5, protowire.VarintType)
	b = protowire.AppendVarint(b, math.MaxInt32)
	b = protowire.AppendTag(b, 8, protowire.VarintType)
	return protowire.AppendVarint(b, century)
}

func luaBytes(b []byte) string {
	var out strings.Builder
	for _, c := range b {
		fmt.Fprintf(&out, `\%03d`, c)
	}
	return out.String()
}

// run executes a script in the slot of the queue. id is empty for scripts that
// work on the whole queue.
func (s *Store) run(ctx context.Context, script *redis.Script, queue, id string, args ...any) *redis.Cmd {
	keys, argv := scriptArgs(queue, id, args)
	return script.Run(ctx, s.rdb, keys, argv...)
}

// call is one run of a script on a whole queue.
type call struct {
	queue string
	args  []any
}

// runAll executes a script once a call, all in one round trip. Each answer carries its own error.
func (s *Store) runAll(ctx context.Context, script *redis.Script, calls []call) []*redis.Cmd {
	pipe := s.rdb.Pipeline()
	cmds := make([]*redis.Cmd, len(calls))
	for i, c := range calls {
		keys, argv := scriptArgs(c.queue, "", c.args)
		cmds[i] = script.EvalSha(ctx, pipe, keys, argv...)
	}
	if len(calls) > 0 {
		_, _ = pipe.Exec(ctx) // each command carries its own error
	}
	for i, cmd := range cmds {
		if redis.HasErrorPrefix(cmd.Err(), "NOSCRIPT") { // Redis was restarted, or is another one now
			cmds[i] = s.run(ctx, script, calls[i].queue, "", calls[i].args...)
		}
	}
	return cmds
}

func scriptArgs(queue, id string, args []any) (keys []string, argv []any) {
	key := countsKey(queue)
	if id != "" {
		key = recordKey(queue, id)
	}
	return []string{key}, append([]any{queue, id}, args...)
}
