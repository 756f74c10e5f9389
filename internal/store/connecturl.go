package store

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// mode is how many servers an address stands for, and who tells which to ask.
type mode string

const (
	modeNode     mode = ""
	modeSentinel mode = "sentinel"
	modeCluster  mode = "cluster"
)

// redisURL is an address's URL taken apart.
type redisURL struct {
	mode   mode
	secure bool
	host   string // of the first server named, without its port
	text   string // in the form that go-redis parses for the mode
	user   *url.Userinfo

	skipVerify bool // any certificate will do

	master, sentinelUser, sentinelPassword string // modeSentinel
}

func (u redisURL) password() string {
	p, _ := u.user.Password()
	return p
}

// parseURL takes a URL apart. The commas between hosts are why net/url cannot.
func parseURL(raw string) (redisURL, error) {
	scheme, rest, found := strings.Cut(raw, "://")
	if !found {
		return redisURL{}, errors.New("not a URL: write redis://host:6379/0, or rediss:// for TLS")
	}
	plain, m, _ := strings.Cut(scheme, "+")
	u := redisURL{mode: mode(m), secure: plain == "rediss"}
	known := plain == "redis" || u.secure || plain == "unix" && u.mode == modeNode
	if !known || u.mode != modeNode && u.mode != modeSentinel && u.mode != modeCluster {
		return redisURL{}, errors.New("not a Redis URL: it begins with redis://, rediss://, unix://, redis+sentinel://, rediss+sentinel://, redis+cluster:// or rediss+cluster://")
	}
	authority, tail, _ := strings.Cut(rest, "/")
	if before, query, found := strings.Cut(authority, "?"); found {
		authority, tail = before, "?"+query
	}
	at := strings.LastIndex(authority, "@")
	hosts := strings.Split(authority[at+1:], ",")
	// Whatever else is wrong shows here, by net/url's own rules.
	parsed, err := url.Parse(plain + "://" + authority[:at+1] + hosts[0] + "/" + tail)
	if err != nil {
		return redisURL{}, withoutURL(err)
	}
	u.user, u.host = parsed.User, parsed.Hostname()
	u.skipVerify, _ = strconv.ParseBool(parsed.Query().Get("skip_verify")) // go-redis refuses other values
	switch u.mode {
	case modeSentinel:
		err = u.readSentinel(parsed, hosts)
	case modeCluster:
		err = u.readCluster(parsed, hosts)
	default:
		u.text = raw
		if len(hosts) > 1 {
			err = errors.New("not a Redis URL: several hosts need redis+sentinel:// or redis+cluster://")
		}
	}
	return u, err
}

func (u *redisURL) readSentinel(parsed *url.URL, hosts []string) error {
	q := parsed.Query()
	take := func(name string) string {
		v := q.Get(name)
		q.Del(name)
		return v
	}
	u.sentinelUser, u.sentinelPassword = take("sentinel_username"), take("sentinel_password")
	path := strings.Split(strings.Trim(parsed.Path, "/"), "/")
	u.master = cmp.Or(path[0], take("master"))
	if u.master == "" || len(path) > 2 {
		return errors.New("not a Sentinel URL: the master's name is missing: write redis+sentinel://host:26379,host:26379/mymaster/0")
	}
	db := "0"
	if len(path) == 2 {
		db = path[1]
	}
	if _, err := strconv.Atoi(db); err != nil {
		return errors.New("not a Sentinel URL: the database after the master's name is not a number")
	}
	q["addr"] = append(q["addr"], hosts[1:]...)
	for i, addr := range q["addr"] {
		q["addr"][i] = withPort(addr, "26379")
	}
	parsed.User, parsed.Host, parsed.Path, parsed.RawQuery = nil, withPort(hosts[0], "26379"), "/"+db, q.Encode()
	u.text = parsed.String()
	return nil
}

func (u *redisURL) readCluster(parsed *url.URL, hosts []string) error {
	if db := strings.Trim(parsed.Path, "/"); db != "" && db != "0" {
		return errors.New("not a cluster's URL: a Redis Cluster has no database but 0")
	}
	q := parsed.Query()
	q["addr"] = append(q["addr"], hosts[1:]...)
	for i, addr := range q["addr"] {
		q["addr"][i] = withPort(addr, "6379")
	}
	parsed.Path, parsed.RawQuery = "", q.Encode()
	u.text = parsed.String()
	return nil
}

func withPort(host, port string) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), port)
}

// withoutURL keeps the reason and drops the address with its password.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return fmt.Errorf("not a Redis URL: %w", err)
}
