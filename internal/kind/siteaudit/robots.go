package siteaudit

import (
	"bytes"
	"strconv"
	"strings"
	"time"
)

// maxRobots is how much of a robots.txt is read (RFC 9309, 2.5 asks for at
// least this).
const maxRobots = 500 << 10

// robots is what one site's robots.txt says to us (RFC 9309). The zero value
// allows everything.
type robots struct {
	rules    []rule
	delay    time.Duration // between requests; zero when the file asks for none
	sitemaps []string      // as written
}

// rule allows or disallows the paths that its pattern matches.
type rule struct {
	pattern string // percent-encoding in its normal form, * and $ still special
	allow   bool
}

// parseRobots reads a robots.txt for the crawler that calls itself product.
// A line that makes no sense is passed over: one typing mistake must not switch
// off the rules around it (RFC 9309, 2.2).
func parseRobots(body []byte, product string) robots {
	var ours, everybody robots
	var sitemaps []string
	named := false      // some group is addressed to us
	var groups []string // the user-agents that the current group is for
	open := false       // the last line was a user-agent: the next joins its group

	body = bytes.TrimPrefix(body[:min(len(body), maxRobots)], []byte("\xEF\xBB\xBF"))
	for line := range strings.FieldsFuncSeq(string(body), func(r rune) bool { return r == '\n' || r == '\r' }) {
		line, _, _ = strings.Cut(line, "#")
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		key, value = strings.ToLower(strings.TrimSpace(key)), strings.TrimSpace(value)
		switch key {
		case "user-agent":
			if !open {
				groups = nil
			}
			groups, open = append(groups, productToken(value)), true
			named = named || strings.EqualFold(groups[len(groups)-1], product)
		case "allow", "disallow", "crawl-delay":
			open = false
			for _, g := range groups {
				switch {
				case g == "*":
					everybody.obey(key, value)
				case strings.EqualFold(g, product):
					ours.obey(key, value)
				}
			}
		case "sitemap":
			sitemaps = append(sitemaps, value)
		}
	}
	if !named {
		ours = everybody
	}
	ours.sitemaps = sitemaps
	return ours
}

// obey takes over one line of a group.
func (r *robots) obey(key, value string) {
	if key == "crawl-delay" {
		if s, err := strconv.ParseFloat(value, 64); err == nil && s > 0 {
			r.delay = time.Duration(min(s, maxPause.Seconds()) * float64(time.Second))
		}
		return
	}
	if value == "" {
		return // allows everything, as having no rule does
	}
	if value[0] != '/' && value[0] != '*' {
		value = "/" + value // outside the grammar, but what its writer meant
	}
	r.rules = append(r.rules, rule{encode(value), key == "allow"})
}

// productToken gives the part of a user-agent line that is compared (RFC 9309, 2.2.1).
func productToken(s string) string {
	if strings.HasPrefix(s, "*") {
		return "*"
	}
	end := strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '_' && r != '-'
	})
	if end < 0 {
		return s
	}
	return s[:end]
}

// allows says whether a URL with this path and query, in normal form, may be
// asked for. The longest matching pattern counts; of two equally long ones the
// one that allows (RFC 9309, 2.2.2).
func (r *robots) allows(path string) bool {
	if path == "/robots.txt" {
		return true
	}
	longest, allowed := -1, true
	for _, rule := range r.rules {
		n := len(rule.pattern)
		if n < longest || n == longest && !rule.allow {
			continue
		}
		if matches(rule.pattern, path) {
			longest, allowed = n, rule.allow
		}
	}
	return allowed
}

// matches compares a path with a pattern in which * stands for anything and a
// $ at the end for the end (RFC 9309, 2.2.3).
func matches(pattern, path string) bool {
	pattern, atEnd := strings.CutSuffix(pattern, "$")
	first, rest, starred := strings.Cut(pattern, "*")
	path, ok := strings.CutPrefix(path, first)
	if !ok {
		return false
	}
	// Taking the first place where a piece fits leaves the most room for the
	// pieces after it, so nothing needs to be tried twice.
	for starred {
		first, rest, starred = strings.Cut(rest, "*")
		if !starred && atEnd {
			return strings.HasSuffix(path, first)
		}
		i := strings.Index(path, first)
		if i < 0 {
			return false
		}
		path = path[i+len(first):]
	}
	return !atEnd || path == ""
}
