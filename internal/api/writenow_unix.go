//go:build unix

package api

import (
	"errors"
	"syscall"
)

// writeNow writes what the connection takes without waiting.
func writeNow(conn syscall.RawConn, b []byte) (n int, err error) {
	var fault error
	err = conn.Write(func(fd uintptr) bool {
		n, fault = syscall.Write(int(fd), b)
		return true
	})
	if err = errors.Join(err, fault); errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EINTR) {
		err = nil
	}
	return max(n, 0), err // n is -1 with an error
}
