package hub

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"hark/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

const (
	commit = "0123456789abcdef0123456789abcdef01234567"
	token  = "hf_secret"
)

// fake is a hub with one model, o/n, and a second host that has the large
// files, as the real one. What goes wrong is set by the tests.
type fake struct {
	t     *testing.T
	hub   *httptest.Server
	store *httptest.Server
	files map[string][]byte // those of 1000 bytes and more are large
	bare  bool              // the list says neither sizes nor digests
	sizes map[string]int64  // lies of the list

	mu       sync.Mutex
	requests []string // method, path and range of all
	tokens   map[string]bool
	sent     int64
	// trouble is asked before a request is answered; true means it has
	// answered itself. n counts the requests for that file from 0.
	trouble func(w http.ResponseWriter, r *http.Request, name string, n int) bool
	counts  map[string]int
}

func newFake(t *testing.T, files map[string][]byte) *fake {
	f := &fake{t: t, files: files, tokens: map[string]bool{}, counts: map[string]int{}, sizes: map[string]int64{}}
	f.store = httptest.NewServer(http.HandlerFunc(f.serveStore))
	t.Cleanup(f.store.Close)
	f.hub = httptest.NewServer(http.HandlerFunc(f.serveHub))
	t.Cleanup(f.hub.Close)
	return f
}

// checkpoint returns the files of a small model, and others beside them.
func checkpoint() map[string][]byte {
	r := rand.New(rand.NewPCG(1, 1))
	data := make([]byte, 300_000)
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	return map[string][]byte{
		"config.json": []byte(`{"model_type":"gemma4"}`), "tokenizer.json": data[:5000], "chat_template.jinja": []byte("{{ x }}"),
		singleFile: data, "README.md": []byte("read me"), "model.gguf": data[:2000], "pytorch_model.bin": data[:2000],
		"logo.png": []byte("png"), "original/consolidated.safetensors": data[:3000], "onnx/config.json": []byte("{}"),
	}
}

// wanted are the files of checkpoint that a pull brings.
var wanted = []string{"chat_template.jinja", "config.json", singleFile, "tokenizer.json"}

// open returns a Hub with an empty cache that never waits. The waits that it
// would have made are appended to waits.
func (f *fake) open(waits *[]time.Duration) *Hub {
	f.t.Helper()
	transport := &http.Transport{}
	f.t.Cleanup(transport.CloseIdleConnections)
	h, err := New(&Options{Endpoint: f.hub.URL, Token: token, Cache: filepath.Join(f.t.TempDir(), "hub"), Transport: transport})
	if err != nil {
		f.t.Fatal(err)
	}
	var mu sync.Mutex
	h.retry.wait = func(ctx context.Context, d time.Duration) error {
		mu.Lock()
		defer mu.Unlock()
		if waits != nil {
			*waits = append(*waits, d)
		}
		return ctx.Err()
	}
	return h
}

// name is the fake's model.
var name = Name{"o", "n", "main"}

func (f *fake) serveHub(w http.ResponseWriter, r *http.Request) {
	f.note(r, "hub")
	path := r.URL.EscapedPath()
	if rest, ok := strings.CutPrefix(path, "/api/models/o/n/revision/"); ok {
		if !f.troubled(w, r, "list "+rest) {
			f.list(w, r)
		}
		return
	}
	file, ok := strings.CutPrefix(path, "/o/n/resolve/"+commit+"/")
	data, there := f.files[file]
	if !ok || !there {
		w.Header().Set("X-Error-Code", "RepoNotFound")
		http.NotFound(w, r)
		return
	}
	if len(data) < 1000 {
		if !f.troubled(w, r, file) {
			w.Header().Set("Etag", `"`+gitDigest(data)+`"`)
			f.send(w, r, data)
		}
		return
	}
	w.Header().Set("X-Linked-Etag", `"`+sha(data)+`"`)
	w.Header().Set("X-Linked-Size", strconv.Itoa(len(data)))
	w.Header().Set("Etag", `"no digest"`)
	http.Redirect(w, r, f.store.URL+"/"+file+"?signature=1", http.StatusFound)
}

func (f *fake) serveStore(w http.ResponseWriter, r *http.Request) {
	f.note(r, "store")
	file := strings.TrimPrefix(r.URL.Path, "/")
	if data, ok := f.files[file]; ok && !f.troubled(w, r, file) {
		f.send(w, r, data)
	}
}

// note keeps a request for the tests.
func (f *fake) note(r *http.Request, host string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+r.Header.Get("Range")))
	if strings.Contains(r.Header.Get("Authorization")+r.URL.String()+r.Header.Get("Referer"), token) {
		f.tokens[host] = true
	}
}

// troubled makes trouble, if there is to be some.
func (f *fake) troubled(w http.ResponseWriter, r *http.Request, file string) bool {
	f.mu.Lock()
	n := f.counts[file]
	f.counts[file]++
	trouble := f.trouble
	f.mu.Unlock()
	return trouble != nil && trouble(w, r, file, n)
}

// send answers with a file or the rest of it, and counts the bytes.
func (f *fake) send(w http.ResponseWriter, r *http.Request, data []byte) {
	f.mu.Lock()
	from := 0
	fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
	f.sent += int64(len(data) - from)
	f.mu.Unlock()
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

// partly sends n bytes from where the request starts, says that all come, and
// breaks the connection.
func (f *fake) partly(w http.ResponseWriter, r *http.Request, data []byte, n int) {
	from := 0
	if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); err == nil {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(data)-1, len(data)))
		w.Header().Set("Content-Length", strconv.Itoa(len(data)-from))
		w.WriteHeader(http.StatusPartialContent)
	} else {
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	}
	n = min(n, len(data)-from)
	w.Write(data[from : from+n])
	w.(http.Flusher).Flush()
	f.mu.Lock()
	f.sent += int64(n)
	f.mu.Unlock()
	panic(http.ErrAbortHandler)
}

func (f *fake) list(w http.ResponseWriter, r *http.Request) {
	type object = map[string]any
	var siblings []object
	for file, data := range f.files {
		s := object{"rfilename": file}
		if !f.bare && r.URL.Query().Get("blobs") == "true" {
			size := int64(len(data))
			if lie, ok := f.sizes[file]; ok {
				size = lie
			}
			s["size"], s["blobId"] = size, gitDigest(data)
			if len(data) >= 1000 {
				s["lfs"] = object{"sha256": sha(data), "size": size, "pointerSize": 130}
			}
		}
		siblings = append(siblings, s)
	}
	json.NewEncoder(w).Encode(object{"id": "o/n", "sha": commit, "siblings": siblings})
}

func sha(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func gitDigest(data []byte) string {
	sum := sha1.Sum(append(fmt.Appendf(nil, "blob %d\x00", len(data)), data...))
	return hex.EncodeToString(sum[:])
}

// check demands that dir holds these files of the fake and nothing else, and
// that no partial files are left.
func (f *fake) check(dir string, names []string) {
	f.t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		f.t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		if e.Name() == ".cache" {
			continue
		}
		got = append(got, e.Name())
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil || !bytes.Equal(data, f.files[e.Name()]) {
			f.t.Errorf("%s: %d bytes, %v, want the %d of the hub", e.Name(), len(data), err, len(f.files[e.Name()]))
		}
	}
	if !slices.Equal(got, names) {
		f.t.Errorf("files %v, want %v", got, names)
	}
}

// tree returns what is below a folder.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			names = append(names, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// pullAll pulls, demands success and returns the result.
func (f *fake) pullAll(h *Hub, r *Request) *Result {
	f.t.Helper()
	result, err := h.Pull(f.t.Context(), r)
	if err != nil {
		f.t.Fatal(err)
	}
	return result
}
