// Package egress decides which network addresses outbound calls may reach.
package egress
