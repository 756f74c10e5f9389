package kind

import (
	"context"
	"encoding/base64"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"windlass/internal/task"
)

// Bounds of what is read and kept of an answer. They count decompressed bytes,
// so that a small answer that unpacks to gigabytes costs no more than another.
const (
	httpBodyKept    = 64 << 10
	httpBodyCounted = 1 << 20
	httpHeadersKept = 16 << 10
	httpExcerpt     = 500 // of a refusal's body, in the log
	// httpSpareTime bounds the reading of what the outcome does not depend on,
	// for a stream may never end.
	httpSpareTime = 2 * time.Second
)

// result reads a wanted answer.
func (x *httpExchange) result(ctx context.Context, res *http.Response) (HTTPRequestResult, error) {
	kept, rest, err := x.read(res.Body)
	if err != nil {
		return HTTPRequestResult{}, x.fault(ctx, err)
	}
	out := HTTPRequestResult{
		Status:        res.StatusCode,
		BodyBytes:     int64(len(kept)) + rest,
		BodyTruncated: rest > 0,
		URL:           x.run.Scrub(task.RedactURL(x.target.String())),
		Redirects:     x.redirects,
		Timing:        x.trace.timings(),
	}
	out.Headers, out.HeadersTruncated = keepHeaders(res.Header, x.run)
	out.Body, out.BodyEncoding = bodyText(x.run.Scrub(string(kept)), out.BodyTruncated)
	out.Timing.Total = since(x.start)
	x.run.Logf(slog.LevelInfo, "Answered %d after %s, %d bytes.", out.Status, took(out.Timing.Total.Std()), out.BodyBytes)
	return out, nil
}

// read gives the part of a body that is kept and the length of the rest, as far
// as it is counted. What goes wrong while counting does no harm to the answer.
func (x *httpExchange) read(body io.Reader) (kept []byte, rest int64, err error) {
	kept, err = io.ReadAll(io.LimitReader(body, httpBodyKept))
	if err != nil || len(kept) < httpBodyKept {
		return kept, 0, err
	}
	defer time.AfterFunc(httpSpareTime, x.cancel).Stop()
	rest, _ = io.Copy(io.Discard, io.LimitReader(body, httpBodyCounted-httpBodyKept))
	return kept, rest, nil
}

// bodyText gives a body as text where it is text, else in base64.
func bodyText(body string, truncated bool) (text, encoding string) {
	whole := body
	if truncated { // the cut may have gone through a character
		for i := 0; i < utf8.UTFMax-1 && len(whole) > 0; i++ {
			if r, size := utf8.DecodeLastRuneInString(whole); r != utf8.RuneError || size != 1 {
				break
			}
			whole = whole[:len(whole)-1]
		}
	}
	if utf8.ValidString(whole) {
		return whole, ""
	}
	return base64.StdEncoding.EncodeToString([]byte(body)), "base64"
}

// keepHeaders gives the fields of an answer, in the order of their names up to
// the bound, without credentials, and reports whether some are left out.
func keepHeaders(h http.Header, run *task.Run) (kept map[string][]string, truncated bool) {
	kept = make(map[string][]string, len(h))
	room := httpHeadersKept
	for _, name := range slices.Sorted(maps.Keys(h)) {
		values := make([]string, len(h[name]))
		size := len(name)
		for i, value := range h[name] {
			values[i] = run.Scrub(value)
			if task.SecretName(name) {
				values[i] = task.Redacted
			}
			size += len(values[i])
		}
		if size > room {
			truncated = true
			continue
		}
		room -= size
		kept[name] = values
	}
	return kept, truncated
}

// logRefusal writes down what an unwanted answer says: it often is the only
// explanation there is.
func (x *httpExchange) logRefusal(res *http.Response) {
	x.run.Logf(slog.LevelWarn, "Answered %d after %s.", res.StatusCode, took(time.Since(x.start)))
	defer time.AfterFunc(httpSpareTime, x.cancel).Stop()
	// The excerpt is short, but a secret that the cut would split must not slip through.
	body, err := io.ReadAll(io.LimitReader(res.Body, httpBodyKept))
	if text := strings.TrimSpace(x.run.Scrub(string(body))); err == nil && text != "" && utf8.ValidString(text) {
		x.run.Logf(slog.LevelWarn, "The answer begins: %s", task.Cut(strings.Join(strings.Fields(text), " "), httpExcerpt))
	}
}
