package hub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestBrokenConnectionsAreMadeAgain breaks each connection after a while: what
// has come stays.
func TestBrokenConnectionsAreMadeAgain(t *testing.T) {
	f := newFake(t, checkpoint())
	f.trouble = func(w http.ResponseWriter, r *http.Request, file string, n int) bool {
		if file == singleFile && n < 20 {
			f.partly(w, r, f.files[file], 9000)
		}
		return false
	}
	var waits []time.Duration
	result := f.pullAll(f.open(&waits), &Request{Name: name})
	f.check(result.Dir, wanted)
	if f.sent > result.Bytes+result.Bytes/2 {
		t.Errorf("%d bytes were sent for %d", f.sent, result.Bytes)
	}
	if result.Fetched != result.Bytes || len(waits) != 20 {
		t.Errorf("%d bytes of %d fetched with %d waits, want 20", result.Fetched, result.Bytes, len(waits))
	}
	for _, wait := range waits { // there was progress each time
		if wait > standardRetry.first*3/2 {
			t.Errorf("waits %v", waits)
			break
		}
	}
}

// TestServerWithoutRangesIsEnough breaks connections of a server that sends
// everything from the start each time.
func TestServerWithoutRangesIsEnough(t *testing.T) {
	f := newFake(t, checkpoint())
	f.trouble = func(w http.ResponseWriter, r *http.Request, file string, n int) bool {
		if file == singleFile {
			r.Header.Del("Range")
			if n < 4 {
				f.partly(w, r, f.files[file], 50_000*(n+1))
			}
			w.Write(f.files[file])
			return true
		}
		return false
	}
	result := f.pullAll(f.open(nil), &Request{Name: name})
	f.check(result.Dir, wanted)
}

func TestDamagedContentIsFetchedAgain(t *testing.T) {
	f := newFake(t, checkpoint())
	f.trouble = func(w http.ResponseWriter, r *http.Request, file string, n int) bool {
		if n == 0 && (file == singleFile || file == "config.json") {
			data := slices.Clone(f.files[file])
			data[len(data)/2] ^= 4
			w.Write(data)
			return true
		}
		return false
	}
	h := f.open(nil)
	var notices []string
	var last Progress
	result := f.pullAll(h, &Request{Name: name, Notice: func(s string) { notices = append(notices, s) }, Progress: func(p Progress) { last = p }})
	f.check(result.Dir, wanted)
	if len(notices) != 2 || last.Done != last.Total {
		t.Errorf("notices %q, progress %+v", notices, last)
	}
}

func TestContentThatStaysDamagedIsRefused(t *testing.T) {
	f := newFake(t, checkpoint())
	f.trouble = func(w http.ResponseWriter, r *http.Request, file string, n int) bool {
		if file == singleFile {
			f.send(w, r, bytes.Repeat([]byte("x"), len(f.files[file])))
		}
		return file == singleFile
	}
	h := f.open(nil)
	_, err := h.Pull(t.Context(), &Request{Name: name})
	if err == nil || !strings.Contains(err.Error(), "want "+sha(f.files[singleFile])) || !strings.Contains(err.Error(), singleFile) {
		t.Errorf("error %v, want one with the digests", err)
	}
	if n := f.counts[singleFile]; n != maxDamaged {
		t.Errorf("%d downloads, want %d", n, maxDamaged)
	}
	for _, path := range tree(t, h.cache) {
		if strings.HasSuffix(path, sha(f.files[singleFile])) || strings.Contains(path, "snapshots") || strings.Contains(path, "refs") {
			t.Errorf("%s is there", path)
		}
	}
	if _, err := Resolve(h.cache, "o/n"); err == nil {
		t.Error("a damaged model is found")
	}
}

// TestPartialFilesAreGoneOnWith leaves files of an earlier pull behind: a good
// one, one with another content, one that is too long.
func TestPartialFilesAreGoneOnWith(t *testing.T) {
	data := checkpoint()[singleFile]
	for what, c := range map[string]struct {
		left     []byte
		requests []string
	}{
		"good":      {data[:200_000], []string{"GET /model.safetensors bytes=200000-"}},
		"whole":     {data, nil},
		"other":     {bytes.Repeat([]byte("x"), 200_000), []string{"GET /model.safetensors bytes=200000-", "GET /model.safetensors"}},
		"too long":  {append(slices.Clone(data), 1), []string{"GET /model.safetensors"}},
		"all wrong": {bytes.Repeat([]byte("x"), len(data)), []string{"GET /model.safetensors"}},
	} {
		t.Run(what, func(t *testing.T) {
			f := newFake(t, checkpoint())
			h := f.open(nil)
			blobs := filepath.Join(h.cache, "models--o--n", "blobs")
			if err := os.MkdirAll(blobs, 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(blobs, sha(data)+".incomplete"), c.left, 0o666); err != nil {
				t.Fatal(err)
			}
			result := f.pullAll(h, &Request{Name: name})
			f.check(result.Dir, wanted)
			got := slices.DeleteFunc(f.requests, func(r string) bool { return !strings.HasPrefix(r, "GET /"+singleFile) })
			if !slices.Equal(got, c.requests) {
				t.Errorf("requests %v, want %v", got, c.requests)
			}
		})
	}
}

// TestCanceledPullIsGoneOnWith ends a pull in the middle and makes it again.
func TestCanceledPullIsGoneOnWith(t *testing.T) {
	f := newFake(t, checkpoint())
	h := f.open(nil)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := h.Pull(ctx, &Request{Name: name, Progress: func(p Progress) {
		if p.Fetched > 150_000 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want %v", err, context.Canceled)
	}
	result := f.pullAll(h, &Request{Name: name})
	f.check(result.Dir, wanted)
	if result.Fetched > 160_000 {
		t.Errorf("%d bytes fetched after 150000 had come", result.Fetched)
	}
}

// TestLyingRangesAreNotWritten answers with other parts than those asked for.
func TestLyingRangesAreNotWritten(t *testing.T) {
	for what, header := range map[string]string{
		"start": "bytes 5-299999/300000", "total": "bytes 1000-299999/400000", "text": "all of it", "none": "",
	} {
		f := newFake(t, checkpoint())
		f.trouble = func(w http.ResponseWriter, r *http.Request, file string, n int) bool {
			if file != singleFile || n > 1 {
				return false
			}
			if n == 0 {
				f.partly(w, r, f.files[file], 1000)
			}
			w.Header().Set("Content-Range", header)
			w.WriteHeader(http.StatusPartialContent)
			w.Write([]byte("lies"))
			return true
		}
		f.check(f.pullAll(f.open(nil), &Request{Name: name}).Dir, wanted)
		if f.counts[singleFile] != 3 {
			t.Errorf("%s: %d requests, want 3", what, f.counts[singleFile])
		}
	}
}

func TestRangeBeyondTheEndStartsAgain(t *testing.T) {
	f := newFake(t, checkpoint())
	f.trouble = func(w http.ResponseWriter, r *http.Request, file string, n int) bool {
		switch {
		case file == singleFile && n == 0:
			f.partly(w, r, f.files[file], 100_000)
		case file == singleFile && n == 1:
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			return true
		}
		return false
	}
	f.check(f.pullAll(f.open(nil), &Request{Name: name}).Dir, wanted)
}

func TestWrongLengthIsRefused(t *testing.T) {
	f := newFake(t, checkpoint())
	f.trouble = func(w http.ResponseWriter, r *http.Request, file string, n int) bool {
		if file == singleFile {
			fmt.Fprint(w, "<html>please log in to this network</html>")
		}
		return file == singleFile
	}
	_, err := f.open(nil).Pull(t.Context(), &Request{Name: name})
	if err == nil || !strings.Contains(err.Error(), "42 bytes, want 300000") {
		t.Errorf("error %v", err)
	}
}

// TestStalledConnectionIsGivenUp has the server send a part and then nothing.
func TestStalledConnectionIsGivenUp(t *testing.T) {
	f := newFake(t, checkpoint())
	done := make(chan struct{})
	f.trouble = func(w http.ResponseWriter, r *http.Request, file string, n int) bool {
		if file != singleFile || n > 0 {
			return false
		}
		w.Header().Set("Content-Length", "300000")
		w.Write(f.files[file][:100_000])
		w.(http.Flusher).Flush()
		select {
		case <-r.Context().Done():
		case <-done:
		}
		return true
	}
	defer close(done)
	h := f.open(nil)
	h.stall = time.Second
	result := f.pullAll(h, &Request{Name: name})
	f.check(result.Dir, wanted)
	if !slices.Contains(f.requests, "GET /model.safetensors bytes=100000-") {
		t.Errorf("requests %v", f.requests)
	}
}

// TestBusyServersAreWaitedFor answers with statuses that pass.
func TestBusyServersAreWaitedFor(t *testing.T) {
	f := newFake(t, checkpoint())
	f.trouble = func(w http.ResponseWriter, r *http.Request, file string, n int) bool {
		list := strings.HasPrefix(file, "list")
		switch {
		case list && n == 0:
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(http.StatusTooManyRequests)
		case list && n == 1:
			w.Header().Set("Retry-After", time.Now().Add(90*time.Second).UTC().Format(http.TimeFormat))
			w.WriteHeader(http.StatusServiceUnavailable)
		case list && n < 5:
			w.WriteHeader(http.StatusInternalServerError)
		case file == singleFile && n == 0:
			w.WriteHeader(http.StatusForbidden) // a signature that has expired
		default:
			return false
		}
		return true
	}
	var waits []time.Duration
	var notices []string
	f.check(f.pullAll(f.open(&waits), &Request{Name: name, Notice: func(s string) { notices = append(notices, s) }}).Dir, wanted)
	if len(notices) != 5 || !strings.HasSuffix(notices[0], "answers 429 Too Many Requests; trying again in 7s") {
		t.Errorf("notices %q, want 5 of the waits that are long", notices)
	}
	if len(waits) != 6 || waits[0] != 7*time.Second || waits[1] < 85*time.Second || waits[1] > 90*time.Second {
		t.Fatalf("waits %v, want 7s, almost 90s and 4 more", waits)
	}
	for i, want := range []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second, time.Second / 2} {
		if got := waits[2+i]; got < want || got > want*3/2 {
			t.Errorf("wait %d: %v, want %v and up to half more", 2+i, got, want)
		}
	}
}

func TestPatienceEnds(t *testing.T) {
	for what, c := range map[string]struct {
		status int
		after  string
		want   string
		waits  int
	}{
		"always broken":   {http.StatusBadGateway, "", "answers 502 Bad Gateway (tried 6 times)", 5},
		"an hour":         {http.StatusTooManyRequests, "3600", "asks to come back in 1h0m0s", 0},
		"nonsense":        {http.StatusTooManyRequests, "soon", "tried 6 times", 5},
		"not a good idea": {http.StatusTeapot, "", "answers 418", 0},
	} {
		f := newFake(t, checkpoint())
		f.trouble = func(w http.ResponseWriter, r *http.Request, file string, n int) bool {
			w.Header().Set("Retry-After", c.after)
			w.WriteHeader(c.status)
			return true
		}
		var waits []time.Duration
		_, err := f.open(&waits).Pull(t.Context(), &Request{Name: name})
		var input *InputError
		if err == nil || !strings.Contains(err.Error(), c.want) || errors.As(err, &input) || len(waits) != c.waits {
			t.Errorf("%s: error %v after %v, want %q after %d waits", what, err, waits, c.want, c.waits)
		}
	}
}

// TestRefusalsSayWhatToDo checks the texts for what the hub does not give.
func TestRefusalsSayWhatToDo(t *testing.T) {
	for what, c := range map[string]struct {
		status int
		code   string
		token  bool
		want   string
	}{
		"gated":             {401, "GatedRepo", false, "its terms must be accepted: do that at "},
		"gated, with token": {403, "GatedRepo", true, "the access token may not read it: accept the terms at "},
		"forbidden":         {403, "", true, "the access token may not read it"},
		"not there":         {401, "RepoNotFound", false, "no such model, or it is private"},
		"wrong token":       {401, "", true, "the access token is wrong or has expired"},
		"no revision":       {404, "RevisionNotFound", true, "has no revision main of it"},
		"nothing":           {404, "", true, "has no such model, or no revision main of it"},
	} {
		f := newFake(t, checkpoint())
		f.trouble = func(w http.ResponseWriter, r *http.Request, file string, n int) bool {
			w.Header().Set("X-Error-Code", c.code)
			w.Header().Set("X-Error-Message", "because\u009b31m")
			w.WriteHeader(c.status)
			return true
		}
		h := f.open(nil)
		if !c.token {
			h.token = ""
		}
		_, err := h.Pull(t.Context(), &Request{Name: name})
		var input *InputError
		if !errors.As(err, &input) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\u009b") || strings.Contains(err.Error(), token) {
			t.Errorf("%s: error %q, want an InputError with %q", what, err, c.want)
		}
	}
}

func TestRedirectsAreBounded(t *testing.T) {
	for what, c := range map[string]struct{ to, want string }{
		"circle":  {"", "redirects more than 10 times"},
		"file":    {"file:///etc/passwd", "redirects to no address"},
		"nowhere": {"http://", "redirects to no address"},
	} {
		f := newFake(t, checkpoint())
		f.trouble = func(w http.ResponseWriter, r *http.Request, file string, n int) bool {
			to := c.to
			if to == "" {
				to = r.URL.String()
			}
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusFound)
			return true
		}
		if _, err := f.open(nil).Pull(t.Context(), &Request{Name: name}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", what, err, c.want)
		}
	}
}

// TestRoomIsLookedForFirst asks for more than any disk has.
func TestRoomIsLookedForFirst(t *testing.T) {
	f := newFake(t, checkpoint())
	f.sizes[singleFile] = 1 << 60
	_, err := f.open(nil).Pull(t.Context(), &Request{Name: name})
	if err == nil || !strings.Contains(err.Error(), "free on the disk of") || f.counts[singleFile] > 0 {
		t.Errorf("error %v after %d requests", err, f.counts[singleFile])
	}
}

func TestNobodyThere(t *testing.T) {
	f := newFake(t, checkpoint())
	h := f.open(nil)
	f.hub.Close()
	if _, err := h.Pull(t.Context(), &Request{Name: name}); err == nil || !strings.Contains(err.Error(), "no connection to the hub: "+h.endpoint.Host) {
		t.Errorf("error %v", err)
	}
	h.offline = true
	var input *InputError
	if _, err := h.Pull(t.Context(), &Request{Name: name}); !errors.As(err, &input) || !strings.Contains(err.Error(), "HF_HUB_OFFLINE") {
		t.Errorf("error %v", err)
	}
}
