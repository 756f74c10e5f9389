//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package awslogs

import (
	"errors"
	"os"
	"syscall"
)

// tryLock opens and locks a file, or gives errLocked at once. Closing the file, which the
// kernel does for the dead too, gives the lock back.
func tryLock(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = errLocked
		}
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}
