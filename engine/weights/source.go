package weights

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Source is where the files of a checkpoint lie.
type Source interface {
	// File returns the whole content of a file, which must not be changed
	// and is valid until Close. The error is fs.ErrNotExist, wrapped, where
	// there is no such file. Several goroutines may call it.
	File(name string) ([]byte, error)
	// Name says in error messages which checkpoint is meant.
	Name() string
	// Close releases the files. Nothing that File returned may be used
	// afterwards.
	Close() error
}

// Dir returns the files of a folder. They are mapped into memory where the
// system can do that and read otherwise, each once, when first asked for. The
// error says that path is not a folder. The Source may be used by several
// goroutines.
func Dir(path string) (Source, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	if !st.IsDir() {
		return nil, fmt.Errorf("weights: %s: not a folder", path)
	}
	return &dir{path: path, open: map[string]mapping{}}, nil
}

// mapping is one file's content and what releases it.
type mapping struct {
	data    []byte
	release func() error
}

type dir struct {
	path  string
	ahead ahead

	mu   sync.Mutex // protects what follows
	open map[string]mapping
	shut bool
}

func (d *dir) Name() string { return d.path }

func (d *dir) File(name string) ([]byte, error) {
	if err := checkFileName(name); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.shut {
		return nil, fmt.Errorf("weights: %s: file %s: %w", d.path, name, fs.ErrClosed)
	}
	if m, ok := d.open[name]; ok {
		return m.data, nil
	}
	data, release, err := mapFile(filepath.Join(d.path, name))
	if err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	d.open[name] = mapping{data, release}
	return data, nil
}

func (d *dir) Close() error {
	d.ahead.close()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shut = true
	var errs []error
	for _, m := range d.open {
		if m.release != nil {
			errs = append(errs, m.release())
		}
	}
	d.open = nil
	return errors.Join(errs...)
}

// checkFileName refuses whatever is not the plain name of a file beside the
// others: an index file may come from anywhere.
func checkFileName(name string) error {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\\\x00") || !filepath.IsLocal(name) {
		return fmt.Errorf("weights: file name %q, want a plain name", name)
	}
	return nil
}

// Memory returns a Source over contents that are in memory already, by file
// name. The map and the contents must not be changed while it is in use.
func Memory(name string, files map[string][]byte) Source {
	return &memory{name: name, files: files}
}

type memory struct {
	name  string
	files map[string][]byte
}

func (m *memory) Name() string { return m.name }

func (m *memory) File(name string) ([]byte, error) {
	data, ok := m.files[name]
	if !ok {
		return nil, fmt.Errorf("weights: %s: file %s: %w", m.name, name, fs.ErrNotExist)
	}
	return data, nil
}

func (m *memory) Close() error { return nil }
