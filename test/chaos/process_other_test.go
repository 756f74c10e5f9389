//go:build !linux

package chaos

import "syscall"

// dieWithParent changes nothing where the kernel has no such tie.
func dieWithParent() *syscall.SysProcAttr { return nil }
