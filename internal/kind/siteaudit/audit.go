// Package siteaudit is the task kind site.audit: it reads the pages of one web
// site, politely, checks every link and asset on them once, and reports what is
// broken or worth a look. It runs no scripts, reads no style sheets for the
// images they name, sends no forms and keeps no cookies.
//
// robots.txt (RFC 9309) is obeyed on the site that is crawled. Other hosts are
// not crawled: each of their URLs that the site names is asked for once, by HEAD
// where the host handles that, and their robots.txt is not read.
package siteaudit

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"windlass/internal/egress"
	"windlass/internal/task"
	"windlass/internal/tracing"
)

// Input is what a site audit is asked for. Fields that are left out take their
// defaults.
type Input struct {
	URL        string        `json:"url" format:"uri" minLength:"1" maxLength:"2000" doc:"The page to start from. The audit stays on the host that it leads to." example:"https://example.com/"`
	MaxPages   int           `json:"max_pages,omitempty" minimum:"1" maximum:"5000" default:"100" doc:"How many pages are read at most."`
	MaxDepth   *int          `json:"max_depth,omitempty" minimum:"0" maximum:"50" default:"10" doc:"How many links away from the start page pages are still read. 0 reads the start page alone and no sitemap."`
	External   *bool         `json:"external,omitempty" default:"true" doc:"Whether links to other hosts are checked as well."`
	Pause      task.Duration `json:"pause,omitempty" exclusiveMinimum:"0" doc:"The pause between two requests to one host, at most 30s; 50ms when left out. A longer one that the site's robots.txt asks for wins." example:"50ms"`
	SlowAfter  task.Duration `json:"slow_after,omitempty" exclusiveMinimum:"0" doc:"A page whose first byte takes longer is reported as slow; at most 20s, and 2s when left out." example:"2s"`
	HeavyBytes int64         `json:"heavy_bytes,omitempty" minimum:"1024" maximum:"8388608" default:"2097152" doc:"A page with more bytes of HTML, unpacked, is reported as heavy."`
}

// The defaults of Input, as its tags and documentation say them.
const (
	defaultMaxPages   = 100
	defaultMaxDepth   = 10
	defaultPause      = 50 * time.Millisecond
	defaultSlowAfter  = 2 * time.Second
	defaultHeavyBytes = 2 << 20
)

// cacheFor is how long a report may be served instead of a new audit.
const cacheFor = 10 * time.Minute

// settings is an Input with its defaults filled in.
type settings struct {
	maxPages, maxDepth int
	external           bool
	pause, slowAfter   time.Duration
	heavyBytes         int64
}

func (in Input) settings() settings {
	s := settings{
		maxPages: defaultMaxPages, maxDepth: defaultMaxDepth, external: true,
		pause: defaultPause, slowAfter: defaultSlowAfter, heavyBytes: defaultHeavyBytes,
	}
	if in.MaxPages != 0 {
		s.maxPages = in.MaxPages
	}
	if in.MaxDepth != nil {
		s.maxDepth = *in.MaxDepth
	}
	if in.External != nil {
		s.external = *in.External
	}
	if in.Pause != 0 {
		s.pause = in.Pause.Std()
	}
	if in.SlowAfter != 0 {
		s.slowAfter = in.SlowAfter.Std()
	}
	if in.HeavyBytes != 0 {
		s.heavyBytes = in.HeavyBytes
	}
	return s
}

// auditor is the kind's own value.
type auditor struct {
	transport http.RoundTripper
	userAgent string
}

// New gives the kind site.audit. Its requests go through g and introduce
// themselves as userAgent, whose part before the first slash is the name that
// robots.txt files know it by.
func New(g *egress.Guard, userAgent string) task.Kind {
	return auditor{tracing.Quiet(g.Transport()), userAgent}.kind()
}

func (a auditor) kind() task.Kind {
	return task.Definition[Input, Report]{
		Name:  "site.audit",
		Title: "Site audit",
		Description: "Reads a web site page by page, keeping to its robots.txt, checks every link and asset once, " +
			"and reports broken links, redirects, mixed content, titles, and slow and heavy pages. " +
			"Asked for again within ten minutes it is answered with the report that is there, unless a fresh run is asked for.",
		Queue: "default",
		Policy: task.Policy{
			MaxAttempts: 3,
			MinBackoff:  task.Duration(5 * time.Second),
			MaxBackoff:  task.Duration(5 * time.Minute),
			Timeout:     task.Duration(time.Hour),
			Deadline:    task.Duration(24 * time.Hour),
		},
		Example:  Input{URL: "https://example.com/", MaxPages: defaultMaxPages},
		Check:    Input.check,
		CacheFor: func(Input) time.Duration { return cacheFor },
		Subject:  Input.subject,
		Summary:  func(_ Input, r Report) string { return r.summary() },
		Redact:   Input.redact,
		CSV:      Report.writeCSV,
		Run:      a.run,
	}.Kind()
}

// check finds what the tags cannot say.
func (in Input) check() task.FieldErrors {
	var faults task.FieldErrors
	if _, err := parse(in.URL); err != nil {
		faults.Add("url", "must be an absolute http or https URL")
	}
	if in.Pause < 0 || in.Pause.Std() > maxPause {
		faults.Add("pause", fmt.Sprintf("must be above 0s and at most %s", maxPause))
	}
	if in.SlowAfter < 0 || in.SlowAfter.Std() > requestTimeout {
		faults.Add("slow_after", fmt.Sprintf("must be above 0s and at most %s", requestTimeout))
	}
	return faults
}

// subject is the start URL without its secrets.
func (in Input) subject() string {
	u, err := parse(in.URL)
	if err != nil {
		return showable(in.URL)
	}
	u.User = nil
	return task.RedactURL(u.String())
}

// redact hides user, password and secret parameters of the start URL, and what
// cannot be told from them when it is no URL.
func (in Input) redact() Input {
	u, err := parse(in.URL)
	switch {
	case err != nil:
		in.URL = showable(in.URL)
	case u.User != nil || len(task.URLSecrets(u)) > 0:
		in.URL = task.RedactURL(u.String())
	}
	return in
}

func (a auditor) run(ctx context.Context, in Input, run *task.Run) (Report, error) {
	start, err := parse(in.URL)
	if err != nil {
		return Report{}, task.Permanent(&task.Error{Code: "invalid_input", Message: "The URL is not an absolute http or https URL."})
	}
	run.Hide(task.URLSecrets(start)...)
	c := newCrawl(a, start, in.settings(), run)
	if err := c.run(ctx); err != nil {
		return Report{}, err
	}
	report, err := c.report()
	if err != nil {
		return Report{}, fmt.Errorf("write the report: %w", err)
	}
	return report, nil
}

// failure is the error of an audit whose site cannot be read at all.
func failure(f fault, sentence string, err error) error {
	e := &task.Error{Code: string(f), Message: sentence, Err: err}
	if f.transient() {
		return e
	}
	return task.Permanent(e)
}
