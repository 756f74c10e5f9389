package awslogs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"
)

// client speaks to CloudWatch Logs. Who one is and where the service is comes from the SDK's
// default chain: variables, files, and on an instance or in a container its role. The first
// call looks it up, so that a start never waits for it.
type client struct {
	group     string
	retention int32 // days, 0: for ever
	told      *notices
	watch     []func(*middleware.Stack) error // of every call; tests see what a role must allow

	making sync.Mutex  // one at a time makes group and stream
	bare   atomic.Bool // we made the group, and its retention is not set yet

	mu          sync.Mutex
	api         *cloudwatchlogs.Client
	credentials aws.CredentialsProvider

	region atomic.Pointer[string] // nil until it is known
}

var errNoRegion = errors.New("find the AWS region: none is configured; set AWS_REGION")

func (c *client) connect(ctx context.Context) (*cloudwatchlogs.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.api != nil {
		return c.api, nil
	}
	options := []func(*config.LoadOptions) error{
		config.WithLogger(logging.Nop{}),
		config.WithAPIOptions(c.watch),
		config.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }), // We retry, without end.
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("find region and credentials: %w", err)
	}
	if cfg.Region == "" {
		// On an instance its metadata know. Their error alone would not say what to do elsewhere.
		cfg, err = config.LoadDefaultConfig(ctx, append(options, config.WithEC2IMDSRegion())...)
		if err != nil {
			return nil, fmt.Errorf("%w (%w)", errNoRegion, err)
		}
	}
	if cfg.Region == "" {
		return nil, errNoRegion
	}
	c.region.Store(&cfg.Region)
	c.api, c.credentials = cloudwatchlogs.NewFromConfig(cfg), cfg.Credentials
	return c.api, nil
}

// renew makes the next call ask for new credentials.
func (c *client) renew() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if cache, ok := c.credentials.(*aws.CredentialsCache); ok {
		cache.Invalidate()
	}
}

// put ships events and says how many of them the service took. It did not take those that are
// too old or too new.
func (c *client) put(ctx context.Context, stream string, events []event) (taken int, err error) {
	api, err := c.connect(ctx)
	if err != nil {
		return 0, err
	}
	in := make([]types.InputLogEvent, len(events))
	for i := range events {
		in[i] = types.InputLogEvent{Timestamp: &events[i].ms, Message: &events[i].message}
	}
	out, err := api.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{
		LogGroupName: &c.group, LogStreamName: &stream, LogEvents: in,
	})
	if err != nil {
		return 0, fmt.Errorf("put log events: %w", err)
	}
	if c.bare.Load() {
		c.making.Lock()
		c.retain(ctx, api)
		c.making.Unlock()
	}
	return len(events) - rejectedOf(out.RejectedLogEventsInfo, len(events)), nil
}

// rejectedOf counts what the answer says about n events. It names ranges: too old and expired
// ones from the beginning, too new ones to the end.
func rejectedOf(r *types.RejectedLogEventsInfo, n int) int {
	if r == nil {
		return 0
	}
	begin, end := 0, n
	for _, old := range []*int32{r.TooOldLogEventEndIndex, r.ExpiredLogEventEndIndex} {
		if old != nil {
			begin = max(begin, min(int(*old), n))
		}
	}
	if r.TooNewLogEventStartIndex != nil {
		end = max(0, min(int(*r.TooNewLogEventStartIndex), n))
	}
	return n - max(0, end-begin)
}

// create makes the stream, and the group where that is missing too.
func (c *client) create(ctx context.Context, stream string) error {
	api, err := c.connect(ctx)
	if err != nil {
		return err
	}
	c.making.Lock()
	defer c.making.Unlock()
	err = c.createStream(ctx, stream)
	if err != nil && classify(err) == missing {
		_, err = api.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &c.group})
		if err != nil && !exists(err) {
			return fmt.Errorf("create the log group: %w", err)
		}
		c.bare.Store(err == nil && c.retention != 0) // Else somebody made it just now, and sets its retention.
		err = c.createStream(ctx, stream)
	}
	if err == nil {
		c.retain(ctx, api)
	}
	return err
}

// createStream makes the stream in a group that is there.
func (c *client) createStream(ctx context.Context, stream string) error {
	api, err := c.connect(ctx)
	if err != nil {
		return err
	}
	_, err = api.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: &c.group, LogStreamName: &stream})
	if err != nil && !exists(err) {
		return fmt.Errorf("create the log stream: %w", err)
	}
	return nil
}

// retain sets the retention of a group that we made: without one lines are kept, and paid
// for, for ever. That it fails is said and is no reason to ship nothing; with the next lines it is
// tried again, unless we are not allowed to or the group is gone. The caller holds making.
func (c *client) retain(ctx context.Context, api *cloudwatchlogs.Client) {
	if !c.bare.Load() {
		return
	}
	_, err := api.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{
		LogGroupName: &c.group, RetentionInDays: &c.retention,
	})
	if err != nil {
		c.told.say("retention", fmt.Errorf("set the retention of the log group: %w", err))
		if what := classify(err); what == again || what == throttled || what == expired {
			return
		}
	}
	c.bare.Store(false)
}

func exists(err error) bool {
	var there *types.ResourceAlreadyExistsException
	return errors.As(err, &there)
}
