package awslogs

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	"github.com/google/go-cmp/cmp"
)

// recorder notes each call that the SDK is about to make, in IAM's words.
type recorder struct {
	mu    sync.Mutex
	calls map[string]bool
}

func (r *recorder) watch(s *middleware.Stack) error {
	return s.Initialize.Add(middleware.InitializeMiddlewareFunc("recorder",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
			service := awsmiddleware.GetServiceID(ctx)
			if service == "CloudWatch Logs" {
				service = "logs" // IAM's word. There is no other service: its SDK would be a new one.
			}
			r.mu.Lock()
			r.calls[service+":"+awsmiddleware.GetOperationName(ctx)] = true
			r.mu.Unlock()
			return next.HandleInitialize(ctx, in)
		}), middleware.After)
}

func (r *recorder) sorted() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Keys(r.calls))
}

// The calls to AWS are those of testdata/calls.json. The policies of deploy/terraform are tested
// with that list: test/aws.
func TestCalls(t *testing.T) {
	b, err := os.ReadFile("testdata/calls.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string][]string
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for name, there := range map[string]bool{"group is there": true, "group is missing": false} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			toFake(t, f.server.URL)
			if there {
				f.groups[group] = map[string][]stored{}
			}
			r := &recorder{calls: map[string]bool{}}
			s, log, _ := ship(t, quick(), func(c *Config) { c.RetentionDays = 14 })
			s.sender.client.watch = append(s.sender.client.watch, r.watch) // Nothing is written yet, so nothing is called.
			write(log, 1, 100)
			flush(t, s)
			shut(t, s, 10*time.Second)
			got[name] = r.sorted()
		})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("testdata/calls.json (-) and what is called (+) differ; what is new must be allowed in deploy/terraform/iam.tf too:\n%s", diff)
	}
}
