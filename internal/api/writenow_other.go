//go:build !unix

package api

import "syscall"

// writeNow writes nothing: here nobody knows what would have to wait.
func writeNow(syscall.RawConn, []byte) (int, error) { return 0, nil }
