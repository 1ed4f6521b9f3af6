package auth

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// resolve returns the file that path leads to, so that a symbolic link is not replaced
// by a file. The file itself need not exist.
func resolve(path string) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	if err == nil {
		return real, nil
	}
	if _, lstat := os.Lstat(path); !errors.Is(lstat, fs.ErrNotExist) {
		return "", err
	}
	folder, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return "", err
	}
	return filepath.Join(folder, filepath.Base(path)), nil
}

// replaceFile gives a file new content in one step that survives a power cut.
func replaceFile(path string, data []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	err = errors.Join(fill(temporary, path, data), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary.Name()))
	}
	return syncFolder(filepath.Dir(path))
}

// fill makes file what is to replace the one at path.
func fill(file *os.File, path string, data []byte) error {
	old, err := os.Stat(path)
	switch {
	case err == nil:
		err = inherit(file, old)
	case errors.Is(err, fs.ErrNotExist):
		err = nil
	}
	if err != nil {
		return err
	}
	if _, err := file.Write(data); err != nil {
		return err
	}
	return file.Sync()
}

// inherit gives a new file the owner of the old one, who else could no longer read it
// after an edit by root, and leaves the group its right to read.
func inherit(file *os.File, old fs.FileInfo) error {
	if err := keepOwner(file, old); err != nil {
		return fmt.Errorf("the new file cannot be given the owner of the old one, run this as that owner or as root: %w", err)
	}
	return file.Chmod(0o600 | old.Mode().Perm()&0o040)
}
