package api

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/redis/go-redis/v9"

	"windlass/internal/egress"
	"windlass/internal/kind"
	"windlass/internal/store"
)

var update = flag.Bool("update", false, "write openapi.json anew")

func TestOpenAPI(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	t.Cleanup(func() { _ = client.Close() })
	s, err := store.New(client, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	write := func(version string) []byte {
		a := New(Config{Store: s, Kinds: kind.All(egress.New(egress.Policy{}), "windlass/test"), Version: version})
		t.Cleanup(a.Close)
		return a.Document()
	}
	got := write("1.2.3")
	if !bytes.Equal(got, write("4.5.6")) {
		t.Error("the document differs from one time to the next")
	}
	file := filepath.Join("..", "..", "openapi.json")
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("openapi.json is not what the API offers: run go test ./internal/api -run TestOpenAPI -update")
	}
}

// TestKindExamples hands every kind's own example in: the first thing people try.
func TestKindExamples(t *testing.T) {
	t.Parallel()
	kinds := kind.All(egress.New(egress.Policy{}), "windlass/test")
	s := newSite(t, func(c *Config) { c.Kinds = kinds })
	for _, k := range kinds {
		s.do("POST", "/api/v1/tasks", `{"kind":"`+k.Name+`","input":`+string(k.Example)+`}`).want(202)
		if got := s.do("POST", "/api/v1/tasks", `{"kind":"`+k.Name+`","input":{"no such field":1}}`).want(422); got.at("code") != "validation_failed" {
			t.Errorf("%s: %s", k.Name, got.body)
		}
	}
}
