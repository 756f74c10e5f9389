package siteaudit

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// requestTimeout bounds one request, its body included.
	requestTimeout = 20 * time.Second
	// maxBody is how many bytes of one answer are read.
	maxBody = 8 << 20
	// maxDrain is the longest body that is read though nobody wants it, so that
	// its connection can be used again.
	maxDrain = 16 << 10
)

// client makes one HTTP request at a time for one audit. It follows no redirect
// and keeps no cookie.
type client struct {
	transport http.RoundTripper
	userAgent string
	login     *url.Userinfo // of the start URL; nil when it has none
	start     *url.URL
}

// answer is what came of a request.
type answer struct {
	status      int
	fault       fault // set when there was no whole answer
	err         error // the cause of that, for the log of the process only
	location    string
	contentType string
	attachment  bool
	firstByte   time.Duration // connecting included
	retryAfter  time.Duration // zero when the answer says nothing
	body        []byte        // at most maxBody bytes; nil unless it was wanted
	cut         bool          // the body went on
}

// html reports whether the answer is a page.
func (a answer) html() bool {
	mediaType, _, _ := strings.Cut(a.contentType, ";")
	mediaType = strings.TrimSpace(mediaType)
	return a.status == http.StatusOK && !a.attachment &&
		(mediaType == "text/html" || mediaType == "application/xhtml+xml")
}

// leadsTo gives where an answer from address redirects to; nil when it does not,
// or not to anything that can be asked for.
func (a answer) leadsTo(address *url.URL) *url.URL {
	if a.location == "" {
		return nil
	}
	u, _, err := resolve(address, a.location)
	if err != nil {
		return nil
	}
	return u
}

// document reads the page that the answer from address is.
func (a answer) document(address string) *document {
	u, err := parse(address)
	if err != nil {
		return nil // cannot be: it was asked for
	}
	doc := extract(u, a.contentType, a.body)
	doc.partial = doc.partial || a.cut
	return doc
}

// do asks for address. wanted says by the head of an answer whether its body is
// read; nil wants none.
func (c *client) do(ctx context.Context, method, address string, wanted func(answer) bool) answer {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return answer{fault: faultURL, err: fmt.Errorf("build request: %w", err)}
	}
	req.Header.Set("User-Agent", c.userAgent)
	req.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	if c.login != nil && c.mayLogIn(req.URL) {
		password, _ := c.login.Password()
		req.SetBasicAuth(c.login.Username(), password)
	}
	began := time.Now()
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return answer{fault: faultOf(err), err: fmt.Errorf("%s: %w", method, err)}
	}
	defer resp.Body.Close()
	a := headOf(resp)
	a.firstByte = time.Since(began)
	if wanted == nil || !wanted(a) {
		if resp.ContentLength >= 0 && resp.ContentLength <= maxDrain {
			// What goes wrong here costs a connection and nothing else.
			_, _ = io.Copy(io.Discard, resp.Body)
		}
		return a
	}
	a.body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return answer{fault: faultOf(err), err: fmt.Errorf("read body: %w", err)}
	}
	if len(a.body) > maxBody {
		a.body, a.cut = a.body[:maxBody], true
	}
	if a.contentType == "" {
		a.contentType = http.DetectContentType(a.body)
	}
	return a
}

// mayLogIn keeps the start URL's user and password on its own host, on which
// only the step from http to https is allowed.
func (c *client) mayLogIn(u *url.URL) bool {
	return u.Host == c.start.Host && u.Scheme == c.start.Scheme ||
		u.Hostname() == c.start.Hostname() && c.start.Port() == "" && u.Port() == "" && u.Scheme == "https"
}

func headOf(resp *http.Response) answer {
	a := answer{
		status:      resp.StatusCode,
		contentType: strings.ToLower(resp.Header.Get("Content-Type")),
		retryAfter:  retryAfter(resp.Header.Get("Retry-After")),
	}
	if disposition, _, err := mime.ParseMediaType(resp.Header.Get("Content-Disposition")); err == nil {
		a.attachment = disposition == "attachment"
	}
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		a.location = resp.Header.Get("Location")
		if a.location == "" {
			a.fault = faultRedirect
		}
	}
	if a.status >= 400 {
		a.fault = faultStatus
	}
	return a
}

// retryAfter reads the header of that name (RFC 9110, 10.2.3), at most maxPause.
func retryAfter(value string) time.Duration {
	if s, err := strconv.Atoi(value); err == nil && s > 0 {
		return min(time.Duration(min(s, 3600))*time.Second, maxPause)
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, min(time.Until(at), maxPause))
	}
	return 0
}

// isPage wants the bodies of pages. One that does not say what it is may be one.
func isPage(a answer) bool { return a.status == http.StatusOK && (a.contentType == "" || a.html()) }

// isOK wants the body of every success.
func isOK(a answer) bool { return a.status >= 200 && a.status < 300 }
