// Package kind holds the built-in kinds, and the one list of them.
package kind

import (
	"windlass/internal/egress"
	"windlass/internal/kind/siteaudit"
	"windlass/internal/task"
)

// All lists the built-in kinds in the order in which the page offers them.
// Their calls go through g and introduce themselves as userAgent.
func All(g *egress.Guard, userAgent string) []task.Kind {
	return []task.Kind{
		siteaudit.New(g, userAgent),
		HTTPRequest(g, userAgent),
		Echo(),
	}
}
