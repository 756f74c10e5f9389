package awslogs

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// DefaultStream gives each process a stream of its own.
const DefaultStream = "{role}/{host}/{boot}"

// maxStreamName is the service's bound.
const maxStreamName = 512

var groupName = regexp.MustCompile(`^[-._/#A-Za-z0-9]{1,512}$`)

// CheckGroup says whether CloudWatch would take the name of a group.
func CheckGroup(name string) error {
	if !groupName.MatchString(name) {
		return fmt.Errorf("%.80q is not a log group's name: 1 to 512 of a-z, A-Z, 0-9 and . - _ / #", name)
	}
	if strings.HasPrefix(name, "aws/") {
		return errors.New("a log group's name does not begin with aws/")
	}
	return nil
}

// CheckStream says whether CloudWatch would take the name of a stream, with {role}, {host} and
// {boot} filled in.
func CheckStream(pattern string) error {
	name := streamName(pattern, "scheduler", newBoot(time.Now()))
	if strings.ContainsAny(streamName(pattern, "", ""), "{}") {
		return fmt.Errorf("%.80q has braces around something else than role, host or boot", pattern)
	}
	if name == "" || utf8.RuneCountInString(name) > maxStreamName || len(name) > maxStreamName || strings.ContainsAny(pattern, ":*") {
		return fmt.Errorf("%.80q is not a log stream's name: 1 to %d characters without : and *", pattern, maxStreamName)
	}
	if strings.ContainsFunc(pattern, func(r rune) bool { return r < ' ' || r == utf8.RuneError }) {
		return errors.New("a log stream's name has no control characters")
	}
	return nil
}

// CheckRetention says whether CloudWatch knows this number of days.
func CheckRetention(days int) error {
	known := []int{
		0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
	}
	if !slices.Contains(known, days) {
		return fmt.Errorf("%d is not one of the numbers of days that CloudWatch knows: %s", days, strings.Trim(fmt.Sprint(known), "[]"))
	}
	return nil
}

// streamName fills in the pattern.
func streamName(pattern, role, boot string) string {
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "unknown"
	}
	host = strings.Map(func(r rune) rune {
		if r == ':' || r == '*' {
			return '-'
		}
		return r
	}, host)
	return strings.NewReplacer("{role}", role, "{host}", host, "{boot}", boot).Replace(pattern)
}

// ownBoot names a shipper: "boot" and "seq" together name a line for good, so the shippers of one
// process must differ.
func ownBoot(boot, sort string) string {
	if sort == "" {
		return boot
	}
	return boot + "-" + sort
}

// newBoot names this run of the program. Names sort by the time of the start.
func newBoot(now time.Time) string {
	var tail [4]byte
	_, _ = rand.Read(tail[:]) // never fails
	return now.UTC().Format("20060102-150405-") + hex.EncodeToString(tail[:])
}
