package engine

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// The caches that are kept without a sequence are saved in Options.CacheDir,
// one file each, and read again when the engine is loaded. The step goroutine
// makes the bytes when it has nothing else to do, and all that are missing when
// it ends; a second goroutine writes them. A file that cannot be used is
// deleted, and so are the oldest when all together are larger than
// Options.PrefixBytes, those of other models included.

// savedSuffix ends the names of saved prefixes, partSuffix those of files that
// are not complete.
const (
	savedSuffix = ".hark-prefix"
	partSuffix  = ".hark-part"
)

// saver owns a folder of saved prefixes.
type saver struct {
	dir  string
	key  contentKey
	most int64 // bytes of all files
	busy atomic.Bool
	jobs chan saving // room for one: who sends has seen that the saver is not busy
	done sync.WaitGroup
}

// saving is a file to be written.
type saving struct {
	name string
	data []byte
}

// newSaver makes the folder.
func newSaver(dir string, key contentKey, most int64) (*saver, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("engine: folder for caches: %w", err)
	}
	return &saver{dir: dir, key: key, most: most, jobs: make(chan saving, 1)}, nil
}

// name is that of the file of a prefix with this head.
func (s *saver) name(head []byte) string {
	sum := sha256.Sum256(head)
	return s.prefix() + hex.EncodeToString(sum[:16]) + savedSuffix
}

// prefix begins the names of all files with the saver's key.
func (s *saver) prefix() string { return hex.EncodeToString(s.key[:8]) + "-" }

// run writes files until jobs is closed.
func (s *saver) run(e *Engine) {
	defer s.done.Done()
	for job := range s.jobs {
		if err := s.write(job); err != nil {
			e.log.Warn("a cache was not saved", "err", err)
		}
		s.busy.Store(false)
		e.poke()
	}
}

// write makes a file appear whole or not at all, after it has made room.
func (s *saver) write(job saving) (err error) {
	if err := s.makeRoom(int64(len(job.data)), job.name); err != nil {
		return err
	}
	f, err := os.CreateTemp(s.dir, "*"+partSuffix) // of mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	_, err = f.Write(job.data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(s.dir, job.name))
}

// file is a saved prefix on disk.
type file struct {
	name string
	size int64
	used time.Time
}

// list returns the files, the one used longest ago first, and deletes what was
// left incomplete.
func (s *saver) list() (files []file, err error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue // it has gone meanwhile, or is none of ours
		}
		switch filepath.Ext(entry.Name()) {
		case savedSuffix:
			files = append(files, file{entry.Name(), info.Size(), info.ModTime()})
		case partSuffix:
			if time.Since(info.ModTime()) > time.Minute { // nobody writes it
				os.Remove(filepath.Join(s.dir, entry.Name()))
			}
		}
	}
	slices.SortFunc(files, func(a, b file) int { return a.used.Compare(b.used) })
	return files, nil
}

// makeRoom deletes the oldest files until size bytes more fit, in a file of
// that name.
func (s *saver) makeRoom(size int64, name string) error {
	files, err := s.list()
	if err != nil {
		return err
	}
	total := size
	for _, f := range files {
		if f.name != name {
			total += f.size
		}
	}
	for _, f := range files {
		if total <= s.most || f.name == name {
			continue
		}
		if err := os.Remove(filepath.Join(s.dir, f.name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		total -= f.size
	}
	if total > s.most {
		return fmt.Errorf("engine: %d bytes, the folder may hold %d", size, s.most)
	}
	return nil
}

// unsaved returns the prefix that was used last of those that are not saved.
func (e *Engine) unsaved() *parked {
	if e.saver == nil || e.saver.busy.Load() {
		return nil
	}
	for _, p := range slices.Backward(e.prefixes.kept) {
		if !p.saved {
			return p
		}
	}
	return nil
}

// saveOne hands a prefix to the saver, and reports whether there was one.
func (e *Engine) saveOne() bool {
	p := e.unsaved()
	if p == nil {
		return false
	}
	p.saved = true // or it cannot be
	head, ok := appendSaved(nil, e.saver.key, p)
	if !ok {
		return true
	}
	data := bytes.NewBuffer(head)
	p.name = e.saver.name(head)
	var err error
	if failed := e.guard(func() { _, err = p.kv.WriteTo(data) }); failed != nil || err != nil {
		e.log.Warn("a cache was not saved", "err", errors.Join(failed, err))
		return true
	}
	e.saver.busy.Store(true)
	e.saver.jobs <- saving{p.name, data.Bytes()}
	return true
}

// saveAll saves what is left when the engine ends, open sequences included,
// and notes in which order the files were used.
func (e *Engine) saveAll() {
	if e.saver == nil {
		return
	}
	for _, s := range e.seqs {
		if s.class != Speculative {
			e.park(s.kv.Fork(), s.slots[:min(s.next, s.exact)], s.starts)
		}
	}
	for {
		if e.saveOne() {
			continue
		}
		if !e.saver.busy.Load() {
			break
		}
		<-e.wake // the saver is done with one
	}
	close(e.saver.jobs)
	e.saver.done.Wait()
	now := time.Now()
	for i, p := range e.prefixes.kept {
		if p.name != "" {
			at := now.Add(time.Duration(i-len(e.prefixes.kept)) * time.Millisecond)
			os.Chtimes(filepath.Join(e.saver.dir, p.name), at, at) // or it goes sooner
		}
	}
}

// forget deletes the file of a prefix that is not kept any more.
func (e *Engine) forget(p *parked) {
	if p.name != "" {
		os.Remove(filepath.Join(e.saver.dir, p.name)) // or it goes when room is needed
	}
}

// restore reads what was saved by an engine with the same model.
func (e *Engine) restore() {
	if e.saver == nil {
		return
	}
	files, err := e.saver.list()
	if err != nil {
		e.log.Warn("saved caches cannot be read", "err", err)
		return
	}
	for _, f := range files {
		if !strings.HasPrefix(f.name, e.saver.prefix()) {
			continue // another model's, or another version's
		}
		p, err := e.readPrefix(filepath.Join(e.saver.dir, f.name))
		if err != nil {
			e.log.Warn("a saved cache is of no use and is deleted", "file", f.name, "err", err)
			os.Remove(filepath.Join(e.saver.dir, f.name))
			continue
		}
		p.saved, p.name = true, f.name
		if p.bytes > e.spare() || e.prefixes.holds(p) {
			p.kv.Free()
			e.forget(p)
			continue
		}
		e.keep(p)
	}
}

// readPrefix reads one file.
func (e *Engine) readPrefix(path string) (p *parked, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<16)
	p = &parked{}
	length := 0
	if p.slots, p.starts, length, err = readSaved(r, e.saver.key); err != nil {
		return nil, err
	}
	if failed := e.guard(func() { p.kv, err = e.backend.ReadKV(e.layers, r) }); failed != nil || err != nil {
		return nil, errors.Join(failed, err)
	}
	if _, err := r.ReadByte(); err != io.EOF || p.kv.Len() != length {
		p.kv.Free()
		return nil, fmt.Errorf("%w: %d positions, want %d, or bytes behind them", errSaved, p.kv.Len(), length)
	}
	p.bytes = p.kv.Bytes()
	return p, nil
}
