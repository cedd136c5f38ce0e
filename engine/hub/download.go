package hub

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// maxDamaged is how often content that fails its digest is fetched again.
const maxDamaged = 3

// lockPause is how often a lock that another process has is tried.
const lockPause = 200 * time.Millisecond

// download brings one file onto the disk.
type download struct {
	h      *Hub
	name   Name
	commit string
	file   file
	to     string // where the content ends up
	part   string // where it lies until it is complete and checked
	lock   string // locked meanwhile
	verify bool   // do not trust what is there by its size
	count  *counter

	out  *os.File
	sum  hash.Hash
	have int64 // bytes in out, all of them in sum
}

// run makes sure that the content is at its place.
func (d *download) run(ctx context.Context) error {
	release, err := d.acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	if ok, err := d.present(ctx); ok || err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(d.part), 0o777); err != nil {
		return fmt.Errorf("hub: %w", err)
	}
	d.out, err = os.OpenFile(d.part, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return fmt.Errorf("hub: %w", err)
	}
	err = d.fill(ctx)
	if err == nil {
		err = d.out.Sync()
	}
	if err = errors.Join(err, d.out.Close()); err != nil {
		return d.h.explain(d.name, d.file.name, err)
	}
	if err := os.MkdirAll(filepath.Dir(d.to), 0o777); err != nil {
		return fmt.Errorf("hub: %w", err)
	}
	if err := os.Rename(d.part, d.to); err != nil {
		return fmt.Errorf("hub: %w", err)
	}
	return nil
}

// acquire waits for the lock. The returned function gives it back.
func (d *download) acquire(ctx context.Context) (func(), error) {
	if err := os.MkdirAll(filepath.Dir(d.lock), 0o777); err != nil {
		return nil, fmt.Errorf("hub: %w", err)
	}
	f, err := os.OpenFile(d.lock, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, fmt.Errorf("hub: %w", err)
	}
	for told := false; ; told = true {
		ok, err := tryLock(f)
		if ok {
			return func() { f.Close() }, nil // closing gives it back; nothing was written
		}
		if err == nil {
			if !told {
				d.count.notice("%s is being fetched by another process, waiting for it", d.file.name)
			}
			err = d.h.retry.wait(ctx, lockPause)
		}
		if err != nil {
			f.Close() // as above
			return nil, fmt.Errorf("hub: %s: %w", d.lock, err)
		}
	}
}

// present reports whether the content is at its place already. With verify it
// is read for that, and taken away if it is damaged.
func (d *download) present(ctx context.Context) (bool, error) {
	st, err := os.Stat(d.to)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("hub: %w", err)
	}
	if !st.Mode().IsRegular() {
		return false, fmt.Errorf("hub: %s: in the way of a file", d.to)
	}
	if st.Size() == d.file.size && !d.verify {
		d.count.add(d.file.size, false)
		return true, nil
	}
	if st.Size() == d.file.size {
		f, err := os.Open(d.to)
		if err != nil {
			return false, fmt.Errorf("hub: %w", err)
		}
		sum := d.file.digest.new(d.file.size)
		_, err = io.Copy(io.MultiWriter(sum, counted{d.count}), reader{ctx, f})
		f.Close() // it was only read
		if err != nil {
			return false, fmt.Errorf("hub: %w", err)
		}
		if d.file.digest.check(sum) == nil {
			return true, nil
		}
		d.count.add(-d.file.size, false)
	}
	d.count.notice("%s is damaged or of another version, fetching it again", d.to)
	return false, nil
}

// fill completes the partial file. What it holds already is kept as long as
// nothing speaks against it.
func (d *download) fill(ctx context.Context) error {
	if err := d.resume(ctx); err != nil {
		return err
	}
	for damaged := 0; ; {
		err := d.h.again(ctx, d.count, func() (bool, error) {
			before := d.have
			err := d.fetch(ctx)
			return d.have > before, err
		})
		if err != nil {
			return err
		}
		err = d.file.digest.check(d.sum)
		if err == nil {
			return nil
		}
		if damaged++; damaged == maxDamaged {
			return errors.Join(fmt.Errorf("%w, in each of %d downloads", err, damaged), d.restart())
		}
		d.count.notice("%s came damaged, fetching it again", d.file.name)
		if err := d.restart(); err != nil {
			return err
		}
	}
}

// resume takes over what an earlier download left.
func (d *download) resume(ctx context.Context) error {
	st, err := d.out.Stat()
	if err != nil {
		return err
	}
	d.sum = d.file.digest.new(d.file.size)
	if st.Size() > d.file.size {
		return d.restart()
	}
	d.have, err = io.Copy(io.MultiWriter(d.sum, counted{d.count}), reader{ctx, d.out})
	if err != nil {
		return err
	}
	return nil
}

// restart throws away what there is.
func (d *download) restart() error {
	d.count.add(-d.have, false)
	d.have, d.sum = 0, d.file.digest.new(d.file.size)
	if err := d.out.Truncate(0); err != nil {
		return err
	}
	if _, err := d.out.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return nil
}

// fetch asks for what is missing, in one request.
func (d *download) fetch(ctx context.Context) error {
	if d.have == d.file.size {
		return nil
	}
	resp, err := d.h.send(ctx, http.MethodGet, d.h.address(d.name, d.commit, d.file.name), d.have)
	if err != nil {
		return err
	}
	defer resp.Body.Close() // it is only read
	host := resp.Request.URL.Host
	switch resp.StatusCode {
	case http.StatusPartialContent:
		if err := d.checkRange(resp.Header.Get("Content-Range")); err != nil {
			return &networkError{host, err}
		}
	case http.StatusOK:
		if n := resp.ContentLength; n >= 0 && n != d.file.size {
			return &networkError{host, fmt.Errorf("%d bytes, want %d", n, d.file.size)}
		}
		// The server knows no ranges: what is here already comes again. If it
		// is another content, the digest will tell.
		if _, err := io.CopyN(io.Discard, resp.Body, d.have); err != nil {
			return networkFault(host, err)
		}
	case http.StatusRequestedRangeNotSatisfiable:
		if err := d.restart(); err != nil {
			return err
		}
		return &networkError{host, errors.New("the server has less than was fetched before")}
	default:
		return d.h.statusError(resp)
	}
	n, err := io.Copy(d, io.LimitReader(resp.Body, d.file.size-d.have))
	switch {
	case err != nil:
		return err // of the network or of the disk: each says so itself
	case d.have < d.file.size:
		return &networkError{host, fmt.Errorf("the connection ended after %d bytes, %d were missing: %w", n, d.file.size-d.have, io.ErrUnexpectedEOF)}
	}
	return nil
}

// networkFault makes sure that an error of a read counts as one of the network.
func networkFault(host string, err error) error {
	var network *networkError
	if errors.As(err, &network) {
		return err
	}
	return &networkError{host, err}
}

// checkRange compares what comes with what was asked for.
func (d *download) checkRange(header string) error {
	span, total, ok := strings.Cut(strings.TrimPrefix(header, "bytes "), "/")
	first, _, dash := strings.Cut(span, "-")
	start, err := strconv.ParseInt(first, 10, 64)
	if !ok || !dash || err != nil || start != d.have {
		return fmt.Errorf("range %q, want one from %d", header, d.have)
	}
	if total != "*" && total != strconv.FormatInt(d.file.size, 10) {
		return fmt.Errorf("range %q, want a file of %d bytes", header, d.file.size)
	}
	return nil
}

// Write appends to the partial file.
func (d *download) Write(p []byte) (int, error) {
	n, err := d.out.Write(p)
	d.sum.Write(p[:n]) // a hash never fails
	d.have += int64(n)
	d.count.add(int64(n), true)
	return n, err
}

// reader reads a file until ctx ends.
type reader struct {
	ctx  context.Context // of the copy that the reader is made for
	file *os.File
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.file.Read(p)
}

// counted counts what is found on the disk.
type counted struct{ count *counter }

func (c counted) Write(p []byte) (int, error) {
	c.count.add(int64(len(p)), false)
	return len(p), nil
}
