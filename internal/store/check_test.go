package store

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"windlass/internal/redistest"
)

// Each fault of the address that an operator may make is named in words at the
// start, soon, and without the password.
// A full Redis is no reason not to start: what can free it are workers and the API.
func TestCheckWarnsOfAFullRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--maxmemory", "1", "--maxmemory-policy", "noeviction")
	rdb := connectTo(t, Address{URL: server.URL()})
	warnings, err := Check(t.Context(), rdb, 0)
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "full") {
		t.Errorf("got %q, %v", warnings, err)
	}
	store, err := New(rdb, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Register(t.Context(), []string{"new"}); err != nil {
		t.Errorf("register: %v", err)
	}
	if _, err := store.Submit(t.Context(), sub(nil)); err == nil || !Unavailable(err) {
		t.Errorf("submit: got %v, want that Redis cannot be asked", err)
	}
	if err := store.Ready(t.Context()); err == nil || !Unavailable(err) {
		t.Errorf("ready: got %v, want that Redis cannot be asked", err)
	}
}

func TestCheckNamesTheCause(t *testing.T) {
	t.Parallel()
	authority := redistest.NewAuthority(t)
	plain := redistest.Start(t, "--requirepass", "s3cret")
	open := redistest.Start(t, "--user", "mute", "on", ">pw", "~*", "+@all", "resetchannels",
		"--user", "scriptless", "on", ">pw", "~*", "&*", "+@all", "-@scripting",
		"--user", "foreign", "on", ">pw", "~other:*", "&*", "+@all", "--user", "blind", "on", ">pw", "~*", "&*", "+@all", "-info")
	secure := redistest.StartTLS(t, authority)
	cluster := redistest.StartCluster(t, 1)
	watched := redistest.StartSentinel(t, 0)
	replica := redistest.Start(t)
	replica.Follow(open)
	hung := redistest.Start(t)
	hung.Pause()
	crowded := redistest.Start(t, "--maxclients", "1")
	crowd := crowded.Client(t).Conn()
	if err := crowd.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = crowd.Close() }) // the test is over

	node := func(user string) Address { return Address{URL: "redis://" + user + "@" + open.Addr()} }
	const rules = "SECURITY.md"
	for name, tt := range map[string]struct {
		address Address
		want    []string
	}{
		"wrong password":         {Address{URL: "redis://:wr0ng@" + plain.Addr()}, []string{"user and password"}},
		"wrong user":             {Address{URL: "redis://me:s3cret@" + plain.Addr()}, []string{"user and password"}},
		"no password":            {Address{URL: "redis://" + plain.Addr()}, []string{"wants a password"}},
		"password not to be had": {Address{URL: "redis://" + plain.Addr(), Password: func(context.Context) (string, error) { return "", errors.New("gone") }}, []string{"password", "gone"}},
		"no INFO":                {node("blind:pw"), []string{rules, "info"}},
		"no scripts":             {node("scriptless:pw"), []string{rules, "eval"}},
		"no keys":                {node("foreign:pw"), []string{rules}},
		"no channels":            {node("mute:pw"), []string{rules}},
		"TLS not wanted":         {Address{URL: "rediss://" + open.Addr()}, []string{"does not speak TLS"}},
		"TLS wanted":             {Address{URL: "redis://" + secure.Addr()}, []string{"TLS"}},
		"unknown authority":      {Address{URL: secure.URL()}, []string{"authority", "-redis-ca-file"}},
		"another authority":      {Address{URL: secure.URL(), CAFile: redistest.NewAuthority(t).File}, []string{"authority", "-redis-ca-file"}},
		"no such database":       {Address{URL: open.URL() + "/99"}, []string{"database"}},
		"no such master":         {Address{URL: strings.Replace(watched.URL(), "mymaster", "other", 1)}, []string{"no master of this name"}},
		"Sentinel, said Redis":   {Address{URL: watched.Sentinels[0].URL()}, []string{"redis+sentinel"}},
		"Redis, said Sentinel":   {Address{URL: "redis+sentinel://" + open.Addr() + "/mymaster"}, []string{"not a Sentinel"}},
		"cluster, said Redis":    {Address{URL: cluster.Nodes[0].URL()}, []string{"redis+cluster"}},
		"Redis, said cluster":    {Address{URL: "redis+cluster://" + open.Addr()}, []string{"not a cluster"}},
		"no such host":           {Address{URL: "redis://windlass.invalid"}, []string{"cannot be resolved"}},
		"no such cluster host":   {Address{URL: "redis+cluster://windlass.invalid"}, []string{"cannot be resolved"}},
		"no such Sentinel":       {Address{URL: "redis+sentinel://windlass.invalid/mymaster"}, []string{"cannot be resolved"}},
		"refused":                {Address{URL: "redis://127.0.0.1:1"}, []string{"nobody listens"}},
		"cluster refused":        {Address{URL: "redis+cluster://127.0.0.1:1"}, []string{"nobody listens"}},
		"Sentinel refused":       {Address{URL: "redis+sentinel://127.0.0.1:1/mymaster"}, []string{"nobody listens"}},
		"no such socket":         {Address{URL: "unix:///does/not/exist"}, []string{"socket"}},
		"replica":                {Address{URL: replica.URL()}, []string{"replica"}},
		"hung":                   {Address{URL: hung.URL()}, []string{"does not answer"}},
		"too many clients":       {Address{URL: crowded.URL()}, []string{"maxclients"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rdb := connectTo(t, tt.address)
			begin := time.Now()
			_, err := Check(t.Context(), rdb, 0)
			if took := time.Since(begin); took > 6*time.Second {
				t.Errorf("it took %v", took)
			}
			if err == nil {
				t.Fatal("nothing is wrong")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want %q in it", err, want)
				}
			}
			if text := err.Error(); strings.Contains(text, "s3cret") || strings.Contains(text, "wr0ng") || strings.Contains(text, ":pw") {
				t.Errorf("it tells the password: %s", text)
			}
			switch name {
			case "Sentinel, said Redis", "Redis, said Sentinel", "cluster, said Redis", "Redis, said cluster", "no INFO", "no channels":
				return // never so at run time, or nothing that a submission needs
			}
			store, err := New(rdb, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := store.Submit(t.Context(), sub(nil)); err == nil || !Unavailable(err) {
				t.Errorf("submit: got %v, want that Redis cannot be asked", err)
			}
			if err := store.Ready(t.Context()); err == nil || !Unavailable(err) {
				t.Errorf("ready: got %v, want that Redis cannot be asked", err)
			}
		})
	}
}
