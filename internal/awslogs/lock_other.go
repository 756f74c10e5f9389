//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package awslogs

import "os"

// tryLock succeeds for a new file only: without a lock that its owner's death gives back,
// what a dead process left must wait for a hand that removes the file.
func tryLock(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if os.IsExist(err) {
		return nil, errLocked
	}
	return file, err
}
