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
	submit, claim, extend, report, end, cancel, retry, delete, upkeep, trim, list, logs, mend, lead, beat, period *redis.Script
	permits                                                                                                       *redis.Script // alone: it belongs to no queue
	secret, forget                                                                                                *redis.Script
	close                                                                                                         *redis.Script
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
	load := func(name, first string) *redis.Script {
		body, err := luaFiles.ReadFile(path.Join("lua", name+".lua"))
		failed = errors.Join(failed, err)
		return redis.NewScript(constants.Replace(string(prelude) + first + string(body)))
	}
	// What brings new work is refused by a full Redis, before it writes anything.
	refused := func(name string) *redis.Script { return load(name, "") }
	// What lets work that was accepted go on, end and be forgotten is not: Redis
	// asks whether there is memory before a script's first write only, and not
	// before one that frees some.
	always := func(name string) *redis.Script { return load(name, "redis.call('UNLINK', base .. 'full')\n") }
	alone := func(name string) *redis.Script {
		body, err := luaFiles.ReadFile(path.Join("lua", name+".lua"))
		failed = errors.Join(failed, err)
		return redis.NewScript(string(body))
	}
	all := scripts{
		secret: alone("secret"), forget: alone("forget"),
		submit: refused("submit"), retry: refused("retry"), list: refused("list"), logs: refused("logs"),
		claim: always("claim"), extend: always("extend"), report: always("report"), end: always("end"),
		cancel: always("cancel"), delete: always("delete"), upkeep: always("upkeep"), trim: always("trim"),
		mend: always("mend"), lead: always("lead"), beat: always("beat"), period: always("period"),
		close: always("close"),
	}
	permits, err := luaFiles.ReadFile("lua/permits.lua")
	all.permits = redis.NewScript(string(permits))
	return all, errors.Join(failed, err)
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
