package awslogs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	lockName      = "lock"
	segmentSuffix = ".seg"
	// newFolderGrace is how long a folder that is being made may take. One that is older
	// belongs to a process that died in the middle; nothing is in it.
	newFolderGrace = time.Hour
)

var errLocked = errors.New("another process has the lock")

// folder is one process's part of the spool folder, named by its boot id. Who holds its
// lock ships what is in it; the kernel gives the lock back when that process dies.
type folder struct {
	path string
	lock *os.File
	left int // segments that have not served; the spool's mutex guards it
}

// newFolder makes and locks this process's folder. It gets its name only when it is locked,
// so that nobody takes it for a dead process's.
func newFolder(root, boot string) (*folder, error) {
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, fmt.Errorf("make the spool folder: %w", err)
	}
	draft, path := filepath.Join(root, "."+boot), filepath.Join(root, boot)
	if err := os.Mkdir(draft, 0o700); err != nil {
		return nil, fmt.Errorf("make the spool folder: %w", err)
	}
	lock, err := tryLock(filepath.Join(draft, lockName))
	if err == nil {
		err = os.Rename(draft, path)
	}
	if err != nil {
		if lock != nil {
			_ = lock.Close()
		}
		return nil, errors.Join(fmt.Errorf("make the spool folder: %w", err), os.RemoveAll(draft))
	}
	return &folder{path: path, lock: lock}, nil
}

// file names a segment. Names sort by number.
func (f *folder) file(number int) string {
	return filepath.Join(f.path, fmt.Sprintf("%010d%s", number, segmentSuffix))
}

// release gives the lock back. A folder with nothing left in it is removed first, so that
// nobody else looks into it.
func (f *folder) release() error {
	left, err := filepath.Glob(filepath.Join(f.path, "*"+segmentSuffix))
	if err == nil && len(left) == 0 {
		err = os.RemoveAll(f.path)
	}
	return errors.Join(err, f.lock.Close())
}

// deadFolders locks the folders of processes that have died, oldest first.
func deadFolders(root, own string) ([]*folder, error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, fmt.Errorf("look for earlier log lines: %w", err)
	}
	var dead []*folder
	for _, e := range entries {
		path := filepath.Join(root, e.Name())
		if !e.IsDir() || e.Name() == own {
			continue
		}
		if strings.HasPrefix(e.Name(), ".") {
			if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > newFolderGrace {
				_ = os.RemoveAll(path)
			}
			continue
		}
		if _, err := os.Stat(filepath.Join(path, lockName)); err != nil {
			continue // Not one of ours.
		}
		lock, err := tryLock(filepath.Join(path, lockName))
		if err != nil {
			continue // Its process lives, or it has just been removed.
		}
		dead = append(dead, &folder{path: path, lock: lock})
	}
	return dead, nil
}

// segments opens what the folder holds, in the order it was written. It gives the faults of
// those it could not open; they stay where they are.
func (f *folder) segments(stream string) ([]*segment, error) {
	names, err := filepath.Glob(filepath.Join(f.path, "*"+segmentSuffix)) // sorted
	if err != nil {
		return nil, err
	}
	var all []*segment
	var faults []error
	for _, name := range names {
		s, err := openSegment(f, name, stream)
		if err != nil {
			faults = append(faults, fmt.Errorf("open earlier log lines: %w", err))
			continue
		}
		all = append(all, s)
	}
	return all, errors.Join(faults...)
}
