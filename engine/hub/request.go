package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
)

// maxRedirects is how often a request may be sent on.
const maxRedirects = 10

// errStalled is what a read returns after the server sent nothing for long.
var errStalled = errors.New("the server stopped sending")

// retry says how often and how late something is tried again.
type retry struct {
	failures int           // in a row, without a byte between them
	first    time.Duration // wait after the first failure; it doubles
	longest  time.Duration // wait, but for what a server asks
	patience time.Duration // longest wait that a server may ask for
	// wait waits until d has passed or ctx ends.
	wait func(ctx context.Context, d time.Duration) error
}

var standardRetry = retry{
	failures: 6, first: time.Second / 2, longest: 30 * time.Second, patience: 5 * time.Minute,
	wait: func(ctx context.Context, d time.Duration) error {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
			return nil
		}
	},
}

// networkError is a failure on the way to or from a server. What failed may
// work the next time.
type networkError struct {
	host string
	err  error
}

func (e *networkError) Error() string {
	// net/http repeats the whole address, which may be a signed one.
	err := e.err
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return fmt.Sprintf("%s: %v", e.host, err)
}

func (e *networkError) Unwrap() error { return e.err }

// statusError is an answer that is not what was asked for.
type statusError struct {
	host    string
	status  int
	code    string // the hub's own word, "GatedRepo" for one
	message string
	after   time.Duration // what the server wants waited; 0: it does not say
	foreign bool          // it came from another host than the hub
}

func (h *Hub) statusError(resp *http.Response) *statusError {
	return &statusError{
		host: resp.Request.URL.Host, status: resp.StatusCode,
		code: clean(resp.Header.Get("X-Error-Code")), message: clean(resp.Header.Get("X-Error-Message")),
		after: retryAfter(resp.Header.Get("Retry-After"), time.Now()), foreign: !h.own(resp.Request.URL),
	}
}

func (e *statusError) Error() string {
	text := fmt.Sprintf("%s answers %d %s", e.host, e.status, http.StatusText(e.status))
	if e.message != "" {
		text += ": " + e.message
	}
	return text
}

// clean makes a header fit for a terminal.
func clean(s string) string {
	s = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return -1
		}
		return c
	}, s)
	return strings.ToValidUTF8(s[:min(len(s), 300)], "")
}

// retryAfter reads the header: seconds or a date.
func retryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(0, date.Sub(now))
	}
	return 0
}

// temporary reports whether an error may be gone the next time.
func temporary(err error) bool {
	var status *statusError
	if errors.As(err, &status) {
		switch status.status {
		case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
			return true
		case http.StatusForbidden: // a signed address that has expired
			return status.foreign
		}
		return status.status >= 500
	}
	var network *networkError
	return errors.As(err, &network)
}

// tell is the shortest wait that a user is told about.
const tell = 2 * time.Second

// again calls f until it succeeds, fails for good, or has failed too often in
// a row. f says whether it came nearer to its end in spite of an error.
func (h *Hub) again(ctx context.Context, c *counter, f func() (progress bool, err error)) error {
	failures := 0
	for {
		progress, err := f()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil || !temporary(err) {
			return err
		}
		if progress {
			failures = 0
		}
		if failures++; failures >= h.retry.failures {
			return fmt.Errorf("%w (tried %d times)", err, failures)
		}
		wait := min(h.retry.longest, h.retry.first<<(failures-1))
		wait += time.Duration(rand.Int64N(int64(wait)/2 + 1)) // so that many do not come at once
		var status *statusError
		if errors.As(err, &status) && status.after > 0 {
			if wait = status.after; wait > h.retry.patience {
				return fmt.Errorf("%w (it asks to come back in %v)", err, wait.Round(time.Second))
			}
		}
		if wait >= tell {
			c.notice("%v; trying again in %v", err, wait.Round(time.Second))
		}
		if err := h.retry.wait(ctx, wait); err != nil {
			return err
		}
	}
}

// address returns where a file of a commit is.
func (h *Hub) address(n Name, commit, name string) *url.URL {
	parts := []string{n.Owner, n.Model, "resolve", commit}
	for part := range strings.SplitSeq(name, "/") {
		parts = append(parts, url.PathEscape(part))
	}
	return h.endpoint.JoinPath(parts...)
}

// send makes a request and follows redirects, with the token only where the
// hub itself is asked. For HEAD a redirect to another host is the answer: the
// hub's headers are what was wanted. From offset on, if it is more than 0, the
// content is asked for. The caller closes the answer's body, whose reads fail
// with errStalled when nothing comes.
func (h *Hub) send(ctx context.Context, method string, u *url.URL, offset int64) (*http.Response, error) {
	if h.offline {
		return nil, inputError("HF_HUB_OFFLINE is set, and %s would have to be asked", h.endpoint.Host)
	}
	for range maxRedirects {
		resp, err := h.sendOnce(ctx, method, u, offset)
		if err != nil {
			return nil, err
		}
		switch resp.StatusCode {
		case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		default:
			return resp, nil
		}
		next, err := resp.Location()
		switch {
		case err != nil || next.Scheme != "http" && next.Scheme != "https" || next.Host == "":
			err = fmt.Errorf("hub: %s redirects to no address", u.Host)
		case u.Scheme == "https" && next.Scheme == "http":
			err = fmt.Errorf("hub: %s redirects to %s without encryption", u.Host, next.Host)
		case method == http.MethodHead && !h.own(next):
			return resp, nil
		}
		resp.Body.Close() // nobody reads it
		if err != nil {
			return nil, err
		}
		u = next
	}
	return nil, fmt.Errorf("hub: %s redirects more than %d times", h.endpoint.Host, maxRedirects)
}

// own reports whether an address is one of the hub.
func (h *Hub) own(u *url.URL) bool { return u.Scheme == h.endpoint.Scheme && u.Host == h.endpoint.Host }

// sendOnce makes one request.
func (h *Hub) sendOnce(ctx context.Context, method string, u *url.URL, offset int64) (*http.Response, error) {
	ctx, cancel := context.WithCancel(ctx)
	req, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("hub: %w", err)
	}
	req.Header.Set("User-Agent", "hark")
	req.Header.Set("Accept-Encoding", "identity") // digests and ranges are of the file itself
	if offset > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
	}
	if h.own(u) && h.token != "" {
		req.Header.Set("Authorization", "Bearer "+h.token)
	}
	b := &body{host: u.Host, cancel: cancel, stall: h.stall}
	b.timer = time.AfterFunc(h.stall, func() {
		b.stalled.Store(true)
		cancel()
	})
	resp, err := h.client.Do(req)
	if err != nil {
		err = b.fail(err)
		b.timer.Stop()
		cancel()
		return nil, err
	}
	b.ReadCloser = resp.Body
	resp.Body = b
	return resp, nil
}

// body is an answer's content that does not wait for ever.
type body struct {
	io.ReadCloser
	host    string
	stall   time.Duration
	timer   *time.Timer
	cancel  context.CancelFunc
	stalled atomic.Bool
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.timer.Reset(b.stall)
	}
	if err != nil && err != io.EOF {
		err = b.fail(err)
	}
	return n, err
}

func (b *body) fail(err error) error {
	if b.stalled.Load() {
		err = errStalled
	}
	return &networkError{b.host, err}
}

// Close lets go of the connection.
func (b *body) Close() error {
	b.timer.Stop()
	defer b.cancel()
	return b.ReadCloser.Close()
}

// explain turns an error that came up with a model, or with one file of it,
// into what the user can do about it.
func (h *Hub) explain(n Name, file string, err error) error {
	var input *InputError
	if err == nil || errors.As(err, &input) || errors.Is(err, context.Canceled) {
		return err
	}
	var status *statusError
	if errors.As(err, &status) && !status.foreign {
		if refusal := h.refusal(n, file, status); refusal != nil {
			return refusal
		}
	}
	var network *networkError
	if file == "" && errors.As(err, &network) {
		return fmt.Errorf("hub: %s: no connection to the hub: %w", n.ID(), err)
	}
	if file != "" {
		return fmt.Errorf("hub: %s: %s: %w", n.ID(), file, err)
	}
	return fmt.Errorf("hub: %s: %w", n.ID(), err)
}

// refusal returns what it means that the hub itself does not give a model, nil
// if that is not what it says.
func (h *Hub) refusal(n Name, file string, status *statusError) error {
	page := h.endpoint.JoinPath(n.Owner, n.Model).String()
	switch {
	case status.code == "GatedRepo" && h.token == "":
		return inputError("%s: its terms must be accepted: do that at %s, then set HF_TOKEN to an access token of yours", n.ID(), page)
	case status.code == "GatedRepo" || status.status == http.StatusForbidden:
		return inputError("%s: the access token may not read it: accept the terms at %s with its account, and see that the token may read gated models (%v)",
			n.ID(), page, status)
	case status.status == http.StatusUnauthorized && h.token == "":
		return inputError("%s: there is no such model, or it is private: for a private one set HF_TOKEN to an access token that may read it", n.ID())
	case status.status == http.StatusUnauthorized:
		return inputError("%s: there is no such model, or the access token is wrong or has expired: see HF_TOKEN", n.ID())
	case status.code == "RevisionNotFound":
		return inputError("%s: %s has no revision %s of it", n.ID(), h.endpoint.Host, n.Revision)
	case status.status == http.StatusNotFound && file == "":
		return inputError("%s: %s has no such model, or no revision %s of it", n.ID(), h.endpoint.Host, n.Revision)
	}
	return nil
}
