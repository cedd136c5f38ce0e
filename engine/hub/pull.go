package hub

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"

	"hark/internal/host"
)

// workers is how many files come in at once.
const workers = 4

// Request says what to pull.
type Request struct {
	Name Name
	// Dir is a folder of the user's that gets the files, "" for the cache.
	Dir string
	// Verify reads what is there already and fetches again what is damaged.
	// Without it a file in the cache is trusted if its size is right.
	Verify bool
	// Progress, if not nil, is told about every piece that comes in, by one
	// goroutine at a time. Done may fall when something came damaged.
	Progress func(p Progress)
	// Notice, if not nil, is told in a few words what is worth knowing. It is
	// called by one goroutine at a time.
	Notice func(text string)
}

// Progress is how far a pull is.
type Progress struct {
	Done, Total int64 // bytes, those that were there already included
	Fetched     int64 // bytes that came over the network
	Files       int   // how many there are
}

// Result is what a pull did.
type Result struct {
	Dir     string // the folder of the checkpoint
	Commit  string // which version it is
	Bytes   int64  // size of its files
	Fetched int64  // bytes that came over the network
	Files   int    // how many there are
}

// Pull makes sure that a model's files are on this machine: those that a
// checkpoint needs, of the commit that the revision names today. Several
// come at once. What an earlier pull left is gone on with, a connection that
// breaks is made again, and no file has its name before its digest was
// checked. Before anything is fetched, there is room for it.
//
// An *InputError says that the request cannot be fulfilled. After any other
// error the same request may be made again, and goes on where it ended.
func (h *Hub) Pull(ctx context.Context, r *Request) (*Result, error) {
	count := &counter{request: r}
	commit, files, err := h.list(ctx, r.Name, count)
	if err != nil {
		return nil, err
	}
	p := &pull{h: h, request: r, commit: commit, count: count}
	p.place()
	first := small(files)
	if err := p.bring(ctx, first); err != nil {
		return nil, err
	}
	index, err := p.index()
	if err != nil {
		return nil, err
	}
	second, err := heavy(files, index)
	if err != nil {
		return nil, inputError("%s: %v%s", r.Name.ID(), err, others(files))
	}
	if err := p.bring(ctx, second); err != nil {
		return nil, err
	}
	if err := p.publish(); err != nil {
		return nil, err
	}
	p.count.mu.Lock()
	defer p.count.mu.Unlock()
	return &Result{Dir: p.dir, Commit: commit, Bytes: p.count.p.Total, Fetched: p.count.p.Fetched, Files: p.count.p.Files}, nil
}

// pull is one Pull under way.
type pull struct {
	h       *Hub
	request *Request
	commit  string
	count   *counter
	brought []*download

	dir   string // the folder of the checkpoint
	model string // the model's folder in the cache, "" without one
	locks string
}

// place decides which folders are used.
func (p *pull) place() {
	if p.request.Dir != "" {
		p.dir = filepath.Clean(p.request.Dir)
		p.locks = filepath.Join(p.dir, ".cache", "hark")
		return
	}
	folder := p.request.Name.folder()
	p.model = filepath.Join(p.h.cache, folder)
	p.dir = filepath.Join(p.model, "snapshots", p.commit)
	p.locks = filepath.Join(p.h.cache, ".locks", folder)
}

// index returns the content of the file that lists the weights, nil if there
// is none.
func (p *pull) index() ([]byte, error) {
	for _, d := range p.brought {
		if d.file.name == indexFile {
			data, err := os.ReadFile(d.to)
			if err != nil {
				return nil, fmt.Errorf("hub: %w", err)
			}
			return data, nil
		}
	}
	return nil, nil
}

// bring fetches some files.
func (p *pull) bring(ctx context.Context, files []file) error {
	var downloads []*download
	var room int64
	for _, f := range files {
		f, err := p.h.complete(ctx, p.request.Name, p.commit, f, p.count)
		if err != nil {
			return err
		}
		d := p.download(f)
		downloads = append(downloads, d)
		room += d.room()
		p.count.expect(f.size)
	}
	if err := p.checkRoom(room); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	queue := make(chan *download) // handed over one by one; whoever is free takes the next
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			for d := range queue {
				if err := d.run(ctx); err != nil && errs[i] == nil {
					errs[i] = err
					cancel()
				}
			}
		})
	}
	for _, d := range downloads {
		queue <- d
	}
	close(queue)
	wg.Wait()
	p.brought = append(p.brought, downloads...)
	return worst(errs)
}

// worst returns the error that ended the others, or nil.
func worst(errs []error) error {
	var found error
	for _, err := range errs {
		if found == nil || errors.Is(found, context.Canceled) && err != nil {
			found = err
		}
	}
	return found
}

// download says how one file is fetched.
func (p *pull) download(f file) *download {
	d := &download{h: p.h, name: p.request.Name, commit: p.commit, file: f, count: p.count, verify: p.request.Verify}
	d.lock = filepath.Join(p.locks, f.digest.hex+".lock")
	if p.model == "" {
		d.to = filepath.Join(p.dir, f.name)
		d.part = filepath.Join(p.locks, f.digest.hex+".incomplete")
		d.verify = true // the name says nothing about the content
		return d
	}
	d.to = filepath.Join(p.model, "blobs", f.digest.hex)
	d.part = d.to + ".incomplete"
	return d
}

// room returns how many bytes a download will add to the disk, at most.
func (d *download) room() int64 {
	if st, err := os.Stat(d.to); err == nil && st.Size() == d.file.size {
		return 0
	}
	if st, err := os.Stat(d.part); err == nil {
		return max(0, d.file.size-st.Size())
	}
	return d.file.size
}

// checkRoom demands that the disk has room.
func (p *pull) checkRoom(room int64) error {
	folder := p.dir
	for {
		free, err := host.FreeDisk(folder)
		switch {
		case errors.Is(err, fs.ErrNotExist) && filepath.Dir(folder) != folder:
			folder = filepath.Dir(folder)
			continue
		case err != nil: // then writing will tell
			return nil
		case free < room:
			return fmt.Errorf("hub: %s: %s free on the disk of %s, want %s", p.request.Name.ID(), megabytes(free), folder, megabytes(room))
		}
		return nil
	}
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// publish makes the folder of the commit, whose files are all there now, and
// notes that the revision stands for it.
func (p *pull) publish() error {
	if p.model == "" {
		return nil
	}
	for _, d := range p.brought {
		if err := link(d.to, filepath.Join(p.dir, filepath.FromSlash(d.file.name))); err != nil {
			return fmt.Errorf("hub: %w", err)
		}
	}
	revision := p.request.Name.Revision
	if revision == p.commit {
		return nil
	}
	ref := filepath.Join(p.model, "refs", filepath.FromSlash(revision))
	if err := os.MkdirAll(filepath.Dir(ref), 0o777); err != nil {
		return fmt.Errorf("hub: %w", err)
	}
	temporary := beside(ref)
	if err := os.WriteFile(temporary, []byte(p.commit), 0o666); err != nil {
		return fmt.Errorf("hub: %w", err)
	}
	if err := os.Rename(temporary, ref); err != nil {
		return fmt.Errorf("hub: %w", err)
	}
	return nil
}

// link makes at the place to a relative link to a blob, or, where the system
// has no links, another name of it.
func link(blob, to string) error {
	folder := filepath.Dir(to)
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	target, err := filepath.Rel(folder, blob)
	if err != nil {
		return err
	}
	if now, err := os.Readlink(to); err == nil && now == target {
		return nil
	}
	temporary := beside(to)
	if err := os.Symlink(target, temporary); err != nil {
		if linkErr := os.Link(blob, temporary); linkErr != nil {
			return errors.Join(err, linkErr)
		}
	}
	return os.Rename(temporary, to)
}

// beside returns a name in the same folder that nobody else uses.
func beside(path string) string { return fmt.Sprintf("%s.%016x", path, rand.Uint64()) }

// counter adds up what the downloads do.
type counter struct {
	request *Request

	mu sync.Mutex // protects p, and calls of the request's functions
	p  Progress
}

// expect adds a file to what is to come.
func (c *counter) expect(bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.p.Total += bytes
	c.p.Files++
}

// add counts bytes that are there, or, if negative, there no more.
func (c *counter) add(bytes int64, fetched bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.p.Done += bytes
	if fetched {
		c.p.Fetched += bytes
	}
	if c.request.Progress != nil {
		c.request.Progress(c.p)
	}
}

// notice passes on a text.
func (c *counter) notice(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.request.Notice != nil {
		c.request.Notice(fmt.Sprintf(format, args...))
	}
}
