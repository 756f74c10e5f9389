package awslogs

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"
)

// fake is CloudWatch Logs as its documentation describes it, with none of the kindness of the
// usual emulators: every published limit is checked, and a call that breaks one is noted as
// a fault of ours. Tests make it fail on purpose through answer.
type fake struct {
	t       testing.TB
	server  *httptest.Server
	working sync.RWMutex // held while a put is worked on

	mu        sync.Mutex
	groups    map[string]map[string][]stored // by group and stream, as they arrived
	retention map[string]int
	puts      int
	faults    []string
	discard   bool // count only: for benchmarks
	taken     int64
	bytes     int64
	sizes     []int
	answer    func(call int, in putInput) reply
	unsettled int // so many calls to set a retention fail
}

type stored struct {
	ms  int64
	msg string
}

type putInput struct {
	LogGroupName  string `json:"logGroupName"`
	LogStreamName string `json:"logStreamName"`
	LogEvents     []struct {
		Timestamp int64  `json:"timestamp"`
		Message   string `json:"message"`
	} `json:"logEvents"`
	key string // the access key of the caller
}

// reply is what the fake does instead of its work. The zero value means: its work.
type reply struct {
	code   string // an error of the service
	status int
	hang   bool // say nothing until the caller has gone
	lose   bool // do the work, then cut the connection
}

var down = reply{code: "ServiceUnavailableException", status: 503}

func newFake(t testing.TB) *fake {
	f := &fake{t: t, groups: map[string]map[string][]stored{}, retention: map[string]int{}}
	f.server = httptest.NewServer(f)
	t.Cleanup(f.server.CloseClientConnections)
	t.Cleanup(func() {
		f.server.CloseClientConnections()
		f.server.Close()
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, fault := range f.faults {
			t.Errorf("the service's limits: %s", fault)
		}
	})
	return f
}

// behave sets what the fake answers to puts from now on. Nil: it works. No put is worked on any
// more that was to be answered in another way.
func (f *fake) behave(answer func(call int, in putInput) reply) {
	f.working.Lock()
	defer f.working.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = answer
}

func always(r reply) func(int, putInput) reply {
	return func(int, putInput) reply { return r }
}

var keyID = regexp.MustCompile(`Credential=([^/]+)/`)

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	op := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "Logs_20140328.")
	key := keyID.FindStringSubmatch(r.Header.Get("Authorization"))
	if key == nil {
		refuse(w, 400, "MissingAuthenticationTokenException", "")
		return
	}
	switch op {
	case "PutLogEvents":
		in := putInput{key: key[1]}
		if err := json.Unmarshal(body, &in); err != nil {
			refuse(w, 400, "SerializationException", err.Error())
			return
		}
		f.put(w, r, in)
	case "CreateLogStream", "CreateLogGroup", "PutRetentionPolicy":
		var in struct {
			LogGroupName, LogStreamName string
			RetentionInDays             int
		}
		if err := json.Unmarshal(body, &in); err != nil {
			refuse(w, 400, "SerializationException", err.Error())
			return
		}
		f.create(w, op, in.LogGroupName, in.LogStreamName, in.RetentionInDays)
	default:
		refuse(w, 400, "UnknownOperationException", op)
	}
}

func (f *fake) create(w http.ResponseWriter, op, group, stream string, days int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	streams, there := f.groups[group]
	switch {
	case op == "CreateLogGroup" && there:
		refuse(w, 400, "ResourceAlreadyExistsException", "")
	case op == "CreateLogGroup":
		f.groups[group] = map[string][]stored{}
		_, _ = w.Write([]byte("{}"))
	case !there:
		refuse(w, 400, "ResourceNotFoundException", "The specified log group does not exist.")
	case op == "PutRetentionPolicy" && f.unsettled > 0:
		f.unsettled--
		refuse(w, 503, "ServiceUnavailableException", "on purpose")
	case op == "PutRetentionPolicy":
		f.retention[group] = days
	case strings.ContainsAny(stream, ":*") || stream == "" || len(stream) > 512:
		refuse(w, 400, "InvalidParameterException", "stream name")
	case streams[stream] != nil:
		refuse(w, 400, "ResourceAlreadyExistsException", "")
	default:
		streams[stream] = []stored{}
		_, _ = w.Write([]byte("{}"))
	}
}

func (f *fake) put(w http.ResponseWriter, r *http.Request, in putInput) {
	f.working.RLock()
	defer f.working.RUnlock()
	f.mu.Lock()
	f.puts++
	call, answer := f.puts, f.answer
	f.mu.Unlock()
	var do reply
	if answer != nil {
		do = answer(call, in)
	}
	if do.hang {
		f.working.RUnlock()
		defer f.working.RLock()
		<-r.Context().Done()
		return
	}
	if do.code != "" {
		refuse(w, max(400, do.status), do.code, "on purpose")
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, there := f.groups[in.LogGroupName][in.LogStreamName]; !there {
		refuse(w, 400, "ResourceNotFoundException", "The specified log stream does not exist.")
		return
	}
	if fault := limits(in); fault != "" {
		f.faults = append(f.faults, fault)
		refuse(w, 400, "InvalidParameterException", fault)
		return
	}
	out := f.keep(in)
	if do.lose {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(out)
}

// limits gives the published limit that a call breaks.
func limits(in putInput) string {
	total, last := 0, int64(-1)
	for i, e := range in.LogEvents {
		switch {
		case e.Message == "":
			return "an empty message"
		case !utf8.ValidString(e.Message):
			return "not UTF-8"
		case len(e.Message)+26 > 1<<20:
			return fmt.Sprintf("an event of %d bytes", len(e.Message))
		case e.Timestamp < last:
			return fmt.Sprintf("event %d is older than the one before", i)
		}
		total += len(e.Message) + 26
		last = e.Timestamp
	}
	switch n := len(in.LogEvents); {
	case n == 0 || n > 10_000:
		return fmt.Sprintf("%d events", n)
	case total > 1_048_576:
		return fmt.Sprintf("%d bytes", total)
	case last-in.LogEvents[0].Timestamp > 24*60*60*1000:
		return "more than 24 hours"
	}
	return ""
}

// keep stores what is neither too old nor too new, and answers with the rest.
func (f *fake) keep(in putInput) map[string]any {
	n := len(in.LogEvents)
	now := time.Now()
	oldest := now.Add(-14 * 24 * time.Hour)
	info := map[string]int{}
	begin, end := 0, n
	for begin < n && in.LogEvents[begin].Timestamp < oldest.UnixMilli() {
		begin++
	}
	for end > begin && in.LogEvents[end-1].Timestamp > now.Add(2*time.Hour).UnixMilli() {
		end--
	}
	if begin > 0 {
		info["tooOldLogEventEndIndex"] = begin
	}
	if end < n {
		info["tooNewLogEventStartIndex"] = end
	}
	f.taken += int64(end - begin)
	f.sizes = append(f.sizes, n)
	streams := f.groups[in.LogGroupName]
	for _, e := range in.LogEvents[begin:end] {
		f.bytes += int64(len(e.Message))
		if !f.discard {
			streams[in.LogStreamName] = append(streams[in.LogStreamName], stored{e.Timestamp, e.Message})
		}
	}
	if len(info) == 0 {
		return map[string]any{}
	}
	return map[string]any{"rejectedLogEventsInfo": info}
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": code, "message": message})
}

// line is what tests read of a line.
type line struct {
	Boot    string    `json:"boot"`
	Seq     int       `json:"seq"`
	Time    time.Time `json:"time"`
	Level   string    `json:"level"`
	Msg     string    `json:"msg"`
	N       int       `json:"n"`
	Dropped int       `json:"dropped"`
	Part    int       `json:"part"`
	Text    string    `json:"text"`
}

// lines gives what a stream shows: by time, then as it arrived.
func (f *fake) lines(group, stream string) []line {
	f.t.Helper()
	f.mu.Lock()
	all := slices.Clone(f.groups[group][stream])
	f.mu.Unlock()
	slices.SortStableFunc(all, func(a, b stored) int { return int(a.ms - b.ms) })
	var out []line
	for _, s := range all {
		var l line
		if err := json.Unmarshal([]byte(s.msg), &l); err != nil {
			f.t.Fatalf("%q is not JSON: %v", s.msg, err)
		}
		out = append(out, l)
	}
	return out
}

// streams names the streams of a group.
func (f *fake) streams(group string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var names []string
	for name := range f.groups[group] {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
