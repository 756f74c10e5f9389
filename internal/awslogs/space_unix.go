//go:build darwin || freebsd || linux

package awslogs

import "syscall"

// freeBytes is how much more may be written to the folder's disk.
func freeBytes(folder string) int64 {
	var disk syscall.Statfs_t
	if syscall.Statfs(folder, &disk) != nil {
		return -1
	}
	return int64(disk.Bavail) * int64(disk.Bsize) //nolint:unconvert // their types differ between systems
}
