package store

import "slices"

// Role is what the holder of a token may do. Each role may do what those before it may.
type Role string

// The roles, weakest first.
const (
	RoleViewer    Role = "viewer"    // reads
	RoleSubmitter Role = "submitter" // also hands tasks in, and cancels its own
	RoleOperator  Role = "operator"  // also acts on all tasks and queues
	RoleAdmin     Role = "admin"     // also makes and revokes tokens, and changes settings
)

// Roles lists every role, weakest first.
func Roles() []Role { return []Role{RoleViewer, RoleSubmitter, RoleOperator, RoleAdmin} }

// Valid reports whether r is one of Roles.
func (r Role) Valid() bool { return slices.Contains(Roles(), r) }

// Includes reports whether r may do what least may. An unknown role includes
// none, and is included by none.
func (r Role) Includes(least Role) bool {
	have, want := slices.Index(Roles(), r), slices.Index(Roles(), least)
	return want >= 0 && have >= want
}
