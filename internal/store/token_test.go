package store

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"windlass/internal/redistest"
)

func (e *env) token(role Role, life time.Duration) (Token, string) {
	e.t.Helper()
	t, text, err := e.CreateToken(e.ctx, Token{Name: "Shop", Role: role, Kinds: []string{"demo.echo"}, CreatedBy: "tok_maker"}, life)
	e.ok(err)
	return t, text
}

func (e *env) wantNoProof(what string, err error) {
	e.t.Helper()
	if !errors.Is(err, ErrNoProof) {
		e.t.Errorf("%s: got %v, want ErrNoProof", what, err)
	}
}

// later gives a store on the same Redis whose clock is ahead.
func (e *env) later(by time.Duration) *env {
	return e.with(Options{Clock: func() time.Time { return time.Now().Add(by) }})
}

func testTokens(e *env) {
	made, text := e.token(RoleSubmitter, time.Hour)
	got, err := e.VerifyToken(e.ctx, text)
	e.ok(err)
	if diff := cmp.Diff(made, got, cmp.Transformer("empty", func(s []string) []string { return append([]string{}, s...) })); diff != "" {
		e.t.Errorf("verified (-made +got):\n%s", diff)
	}
	for what, wrong := range map[string]string{
		"nothing": "", "the id": made.ID, "one character changed": text[:10] + string(text[10]^1) + text[11:], "cut": text[:len(text)-1],
		"as a session": sessionPrefix + text[len(tokenPrefix):],
	} {
		_, err := e.VerifyToken(e.ctx, wrong)
		e.wantNoProof(what, err)
	}
	_, unknown := newRandomToken()
	_, err = e.VerifyToken(e.ctx, unknown)
	e.wantNoProof("well-formed and unknown", err)
	_, err = e.later(time.Hour).VerifyToken(e.ctx, text)
	e.wantNoProof("expired", err)

	for _, key := range e.keys("wl:*") {
		if strings.Contains(key, text) || strings.Contains(dump(e, key), text[len(tokenPrefix):]) {
			e.t.Errorf("%s holds the token itself", key)
		}
	}
	other, _ := e.token(RoleAdmin, 2*time.Hour)
	all, err := e.Tokens(e.ctx)
	e.ok(err)
	if len(all) != 2 {
		e.t.Errorf("list is %+v", all)
	}
	if again, err := e.Token(e.ctx, other.ID); err != nil || again.Role != RoleAdmin {
		e.t.Errorf("read %+v, %v", again, err)
	}
	if _, err := e.Token(e.ctx, "tok_none"); !errors.Is(err, ErrNoToken) {
		e.t.Errorf("read of nothing: %v", err)
	}
}

func newRandomToken() (secret, string) {
	text, s := newSecret(tokenPrefix)
	return s, text
}

func dump(e *env, key string) string {
	e.t.Helper()
	kind, err := e.rdb.Type(e.ctx, key).Result()
	e.ok(err)
	if kind == "hash" {
		all, err := e.rdb.HGetAll(e.ctx, key).Result()
		e.ok(err)
		return jsonOf(all)
	}
	return ""
}

func testTokenUse(e *env) {
	made, text := e.token(RoleViewer, time.Hour)
	if made.LastUsedAt != nil {
		e.t.Errorf("never used, and yet %v", made.LastUsedAt)
	}
	used := func() string {
		got, err := e.Token(e.ctx, made.ID)
		e.ok(err)
		return jsonOf(got.LastUsedAt)
	}
	_, err := e.VerifyToken(e.ctx, text)
	e.ok(err)
	e.eventually("the use to be written down", func() bool { return used() != "null" })
	first := used()
	soon := e.later(usedEvery / 2)
	_, err = soon.VerifyToken(e.ctx, text)
	e.ok(err)
	_, err = e.later(2*usedEvery).VerifyToken(e.ctx, text)
	e.ok(err)
	e.eventually("a later use to be written down", func() bool { return used() != first })
	if got, err := e.Token(e.ctx, made.ID); err != nil || got.LastUsedAt.Before(time.Now().Add(usedEvery)) {
		e.t.Errorf("the use within a minute of another was written down: %v, %v", got.LastUsedAt, err)
	}
}

// Each request that begins after the revocation has returned is refused, in
// another process too, however many are under way and share round trips.
func testRevokeAtOnce(e *env) {
	made, text := e.token(RoleOperator, time.Hour)
	other := e.with(Options{})
	var revoked, stop atomic.Bool
	var late atomic.Int64
	var callers sync.WaitGroup
	for range 30 {
		callers.Go(func() {
			for !stop.Load() {
				after := revoked.Load()
				_, err := other.VerifyToken(e.ctx, text)
				switch {
				case after && !errors.Is(err, ErrNoProof):
					e.t.Errorf("admitted after the revocation: %v", err)
				case after:
					late.Add(1)
				case err != nil && !errors.Is(err, ErrNoProof):
					e.t.Errorf("verify: %v", err)
				}
			}
		})
	}
	e.ok(e.RevokeToken(e.ctx, made.ID))
	revoked.Store(true)
	e.eventually("requests after the revocation", func() bool { return late.Load() > 300 })
	stop.Store(true)
	callers.Wait()
	e.ok(e.RevokeToken(e.ctx, made.ID)) // twice is no error
	if err := e.RevokeToken(e.ctx, "tok_none"); !errors.Is(err, ErrNoToken) {
		e.t.Errorf("revoke nothing: %v", err)
	}
	got, err := e.Token(e.ctx, made.ID)
	e.ok(err)
	if got.RevokedAt == nil || got.Usable(time.Now()) {
		e.t.Errorf("revoked token is %+v", got)
	}
}

func testTokensForgotten(e *env) {
	made, _ := e.token(RoleViewer, time.Hour)
	kept, err := e.rdb.PTTL(e.ctx, tokenKey(made.ID)).Result()
	e.ok(err)
	if kept < tokenKept || kept > tokenKept+time.Hour {
		e.t.Errorf("a token that lives an hour is kept %v", kept)
	}
	e.ok(e.rdb.Del(e.ctx, tokenKey(made.ID)).Err())
	all, err := e.Tokens(e.ctx)
	e.ok(err)
	if left := e.rdb.SCard(e.ctx, tokensKey).Val(); len(all) != 0 || left != 0 {
		e.t.Errorf("%d listed, %d in the set", len(all), left)
	}
}

func testSessions(e *env) {
	owner, _ := e.token(RoleOperator, time.Hour)
	session, cookie, err := e.OpenSession(e.ctx, Owner{ID: owner.ID}, "Firefox")
	e.ok(err)
	got, t, err := e.VerifySession(e.ctx, cookie, "")
	e.ok(err)
	if diff := cmp.Diff(session, got); diff != "" || t.ID != owner.ID || t.Role != RoleOperator {
		e.t.Errorf("verified %+v (-made +got):\n%s", t, diff)
	}
	second, _ := e.token(RoleAdmin, time.Hour)
	text, _, _ := strings.Cut(cookie, ".")
	for what, wrong := range map[string]string{
		"nothing": "", "without owner": text, "another owner": text + "." + second.ID, "the admin": text + "." + AdminID,
		"a long owner": text + "." + strings.Repeat("x", 1000), "a token": tokenPrefix + text[len(sessionPrefix):] + "." + owner.ID,
	} {
		_, _, err := e.VerifySession(e.ctx, wrong, "proof")
		e.wantNoProof(what, err)
	}
	list, err := e.Sessions(e.ctx, owner.ID, second.ID)
	e.ok(err)
	if len(list) != 1 || list[0].UserAgent != "Firefox" {
		e.t.Errorf("list is %+v", list)
	}
	e.ok(e.EndSession(e.ctx, session))
	_, _, err = e.VerifySession(e.ctx, cookie, "")
	e.wantNoProof("ended", err)
	if _, err := e.Session(e.ctx, session.ID); !errors.Is(err, ErrNoSession) {
		e.t.Errorf("read an ended session: %v", err)
	}

	_, cookie, err = e.OpenSession(e.ctx, Owner{ID: owner.ID}, "")
	e.ok(err)
	e.ok(e.RevokeToken(e.ctx, owner.ID))
	_, _, err = e.VerifySession(e.ctx, cookie, "")
	e.wantNoProof("its token revoked", err)
}

func testSessionEnds(e *env) {
	owner, _ := e.token(RoleOperator, MaxTokenLife)
	session, cookie, err := e.OpenSession(e.ctx, Owner{ID: owner.ID}, "")
	e.ok(err)
	_, _, err = e.later(SessionLife).VerifySession(e.ctx, cookie, "")
	e.wantNoProof("past its life", err)

	idle := func() time.Duration { return e.rdb.PTTL(e.ctx, sessionKey(session.ID)).Val() }
	if left := idle(); left > SessionIdle || left < SessionIdle-time.Minute {
		e.t.Errorf("unused it lives %v", left)
	}
	e.ok(e.rdb.PExpire(e.ctx, sessionKey(session.ID), time.Minute).Err())
	_, _, err = e.later(2*usedEvery).VerifySession(e.ctx, cookie, "")
	e.ok(err)
	e.eventually("its use to keep it", func() bool { return idle() > SessionIdle-time.Minute })

	// A use that is written down after the end makes no session of it.
	e.ok(e.EndSession(e.ctx, session))
	e.touchSession(e.ctx, session, e.Now())
	_, _, err = e.VerifySession(e.ctx, cookie, "")
	e.wantNoProof("touched after its end", err)
	list, err := e.Sessions(e.ctx, owner.ID)
	e.ok(err)
	if len(list) != 0 {
		e.t.Errorf("list is %+v", list)
	}

	for range MaxSessions + 2 {
		_, _, err := e.OpenSession(e.ctx, Owner{ID: owner.ID}, "")
		e.ok(err)
	}
	list, err = e.Sessions(e.ctx, owner.ID)
	e.ok(err)
	if len(list) != MaxSessions {
		e.t.Errorf("%d sessions are open", len(list))
	}
}

func testAdminSession(e *env) {
	_, cookie, err := e.OpenSession(e.ctx, Owner{ID: AdminID, Proof: "p1"}, "")
	e.ok(err)
	if _, t, err := e.VerifySession(e.ctx, cookie, "p1"); err != nil || t.ID != AdminID || t.Role != RoleAdmin {
		e.t.Errorf("got %+v, %v", t, err)
	}
	for what, proof := range map[string]string{"another admin token": "p2", "no admin token any more": ""} {
		_, _, err := e.VerifySession(e.ctx, cookie, proof)
		e.wantNoProof(what, err)
	}
	_, cookie, err = e.OpenSession(e.ctx, Owner{ID: AdminID}, "")
	e.ok(err)
	_, _, err = e.VerifySession(e.ctx, cookie, "")
	e.wantNoProof("one without proof", err)
}

func testLinks(e *env) {
	owner, _ := e.token(RoleSubmitter, time.Hour)
	link, ends, err := e.CreateLink(e.ctx, Owner{ID: owner.ID}, "tsk_1", time.Minute)
	e.ok(err)
	task, until, err := e.VerifyLink(e.ctx, link, "")
	e.ok(err)
	if task != "tsk_1" || !until.Equal(ends) {
		e.t.Errorf("shows %q until %v, made until %v", task, until, ends)
	}
	_, _, err = e.VerifySession(e.ctx, link, "")
	e.wantNoProof("as a session", err)
	_, err = e.VerifyToken(e.ctx, link)
	e.wantNoProof("as a token", err)
	_, _, err = e.later(time.Minute).VerifyLink(e.ctx, link, "")
	e.wantNoProof("past its end", err)
	free, _, err := e.CreateLink(e.ctx, Owner{}, "tsk_2", time.Minute)
	e.ok(err)
	if task, _, err := e.VerifyLink(e.ctx, free, ""); err != nil || task != "tsk_2" {
		e.t.Errorf("shows %q, %v", task, err)
	}
	e.ok(e.RevokeToken(e.ctx, owner.ID))
	_, _, err = e.VerifyLink(e.ctx, link, "")
	e.wantNoProof("its token revoked", err)
}

func testSubmittedBy(e *env) {
	made := e.submit(func(s *Submission) { s.SubmittedBy = "tok_3x9k2m8v3n5p" })
	nobody := e.submit(nil)
	list, err := e.List(e.ctx, Filter{}, 10, "")
	e.ok(err)
	peeked, err := e.Peek(e.ctx, 1, made.ID)
	e.ok(err)
	if e.get(made.ID).SubmittedBy != made.SubmittedBy || made.SubmittedBy == "" || e.get(nobody.ID).SubmittedBy != "" ||
		list.Tasks[1].SubmittedBy != made.SubmittedBy || peeked[0].SubmittedBy != made.SubmittedBy {
		e.t.Errorf("got %+v, %+v", made, list.Tasks)
	}
}

// A Redis that takes no more data must not keep anybody's token alive.
func TestRevokeWhenFull(t *testing.T) {
	t.Parallel()
	e := newEnv(t, connect(t, redistest.Start(t).URL()), Options{})
	made, text := e.token(RoleAdmin, time.Hour)
	_, err := e.VerifyToken(e.ctx, text)
	e.ok(err)
	e.ok(e.rdb.ConfigSet(e.ctx, "maxmemory", "1").Err())
	e.ok(e.RevokeToken(e.ctx, made.ID))
	_, err = e.VerifyToken(e.ctx, text)
	e.wantNoProof("revoked in a full Redis", err)
	if got, err := e.Token(e.ctx, made.ID); err != nil || got.RevokedAt == nil {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestVerifyWhileAway(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	e := newEnv(t, connect(t, server.URL()), Options{})
	_, text := e.token(RoleAdmin, time.Hour)
	server.Kill()
	if _, err := e.VerifyToken(e.ctx, text); !Unavailable(err) || errors.Is(err, ErrNoProof) {
		t.Errorf("got %v", err)
	}
}

// Requests that come together read a token once.
func TestVerifySharesReads(t *testing.T) {
	t.Parallel()
	e := newEnv(t, connect(t, redistest.Start(t).URL()), Options{})
	made, _ := e.token(RoleAdmin, time.Hour)
	questions := make([][]string, 100)
	for i := range questions {
		questions[i] = []string{tokenKey(made.ID)}
	}
	before := calls(e, "hgetall")
	for _, got := range e.flushProofs(questions) {
		if got.err != nil || got.records[0]["n"] != "Shop" {
			t.Fatalf("got %+v", got)
		}
	}
	if n := calls(e, "hgetall") - before; n != 1 {
		t.Errorf("%d reads for a hundred requests", n)
	}
}

// calls tells how often Redis carried a command out.
func calls(e *env, command string) int {
	e.t.Helper()
	info, err := e.rdb.Info(e.ctx, "commandstats").Result()
	e.ok(err)
	_, rest, _ := strings.Cut(info, "cmdstat_"+command+":calls=")
	n := 0
	for _, c := range rest {
		if c < '0' || c > '9' {
			break
		}
		n = 10*n + int(c-'0')
	}
	return n
}

func TestRoles(t *testing.T) {
	t.Parallel()
	for i, r := range Roles() {
		for j, least := range Roles() {
			if r.Includes(least) != (i >= j) {
				t.Errorf("%s includes %s: %v", r, least, r.Includes(least))
			}
		}
		if Role("").Includes(r) || Role("root").Includes(r) || r.Includes("") || r.Includes("root") {
			t.Errorf("%s and roles that are none", r)
		}
	}
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		text, s := newSecret(tokenPrefix)
		if len(text) != 52 || seen[text] || seen[s.name] {
			t.Fatalf("%q", text)
		}
		seen[text], seen[s.name] = true, true
		if got, ok := parseSecret(tokenPrefix, text); !ok || got != s || !got.proves(s.hash) {
			t.Fatalf("%q comes back as %+v, %v", text, got, ok)
		}
	}
	if (secret{}).proves("") {
		t.Error("nothing proves nothing")
	}
}

// FuzzSecret reads anything as a token. Only what newSecret could have made is one.
func FuzzSecret(f *testing.F) {
	good, _ := newSecret(tokenPrefix)
	for _, seed := range []string{
		"", "wl_", good, good + "\n", " " + good, good[:51], good + "0", "wls_" + good[3:], strings.ToLower(good),
		"wl_" + strings.Repeat("0", 49), "wl_" + strings.Repeat("é", 25), "wl_" + strings.Repeat("\x00", 49), "Bearer " + good,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := parseSecret(tokenPrefix, text)
		if !ok {
			if got != (secret{}) {
				t.Errorf("%q is refused, and yet %+v", text, got)
			}
			return
		}
		if len(text) != 52 || strings.Trim(text[3:], base62) != "" || checksum(text[:46]) != text[46:] {
			t.Errorf("%q is taken", text)
		}
		for i := range text { // no single changed character goes unseen
			wrong := text[:i] + string(text[i]^1) + text[i+1:]
			if _, ok := parseSecret(tokenPrefix, wrong); ok {
				t.Errorf("%q is taken, and so is %q", text, wrong)
			}
		}
	})
}
