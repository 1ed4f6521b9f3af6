package audit

import (
	"io"
	"io/fs"
	"os"
)

// MaxWaiting is how many lines wait at most.
const MaxWaiting = maxWaiting

// OpenOn opens an audit whose file is written through w, such as a disk that is full.
func OpenOn(o Options, w func(io.Writer) io.Writer) (*Log, error) {
	o.open = func(path string) (file, error) {
		f, err := openFile(path)
		if err != nil {
			return nil, err
		}
		opened := f.(*os.File)
		return through{opened, w(opened)}, nil
	}
	return Open(o)
}

type through struct {
	*os.File
	w io.Writer
}

func (t through) Write(b []byte) (int, error) { return t.w.Write(b) }
func (t through) Stat() (fs.FileInfo, error)  { return t.File.Stat() }
