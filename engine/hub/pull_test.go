package hub

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestPullFillsTheCache(t *testing.T) {
	f := newFake(t, checkpoint())
	h := f.open(nil)
	var last Progress
	result := f.pullAll(h, &Request{Name: name, Progress: func(p Progress) { last = p }})
	f.check(result.Dir, wanted)
	var bytes int64
	for _, file := range wanted {
		bytes += int64(len(f.files[file]))
	}
	if want := (Progress{Done: bytes, Total: bytes, Fetched: bytes, Files: 4}); last != want {
		t.Errorf("progress ends with %+v, want %+v", last, want)
	}
	if want := (Result{Dir: filepath.Join(h.cache, "models--o--n", "snapshots", commit), Commit: commit, Bytes: bytes, Fetched: bytes, Files: 4}); *result != want {
		t.Errorf("result %+v, want %+v", *result, want)
	}
	digests := map[string]string{}
	for _, file := range wanted {
		digests[file] = gitDigest(f.files[file])
		if len(f.files[file]) >= 1000 {
			digests[file] = sha(f.files[file])
		}
		link, err := os.Readlink(filepath.Join(result.Dir, file))
		if want := "../../blobs/" + digests[file]; err != nil || filepath.ToSlash(link) != want {
			t.Errorf("%s links to %s, %v, want %s", file, link, err, want)
		}
	}
	var want []string
	for _, file := range wanted {
		want = append(want, ".locks/models--o--n/"+digests[file]+".lock", "models--o--n/blobs/"+digests[file],
			"models--o--n/snapshots/"+commit+"/"+file)
	}
	want = append(want, "models--o--n/refs/main")
	slices.Sort(want)
	if got := tree(t, h.cache); !slices.Equal(got, want) {
		t.Errorf("cache %v, want %v", got, want)
	}
	if ref, err := os.ReadFile(filepath.Join(h.cache, "models--o--n/refs/main")); err != nil || string(ref) != commit {
		t.Errorf("refs/main %s, %v, want %s", ref, err, commit)
	}
	if dir, err := Resolve(h.cache, "o/n"); err != nil || dir != result.Dir {
		t.Errorf("Resolve = %s, %v, want %s", dir, err, result.Dir)
	}
}

func TestPullAgainFetchesNothing(t *testing.T) {
	f := newFake(t, checkpoint())
	h := f.open(nil)
	f.pullAll(h, &Request{Name: name})
	sent := f.sent
	for _, verify := range []bool{false, true} {
		result := f.pullAll(h, &Request{Name: name, Verify: verify})
		if f.sent != sent || result.Fetched != 0 {
			t.Errorf("verify %v: %d bytes were sent again, %d counted", verify, f.sent-sent, result.Fetched)
		}
		f.check(result.Dir, wanted)
	}
}

func TestTokenStaysWithTheHub(t *testing.T) {
	f := newFake(t, checkpoint())
	f.pullAll(f.open(nil), &Request{Name: name})
	if !f.tokens["hub"] || f.tokens["store"] {
		t.Errorf("the token reached %v, want the hub alone", f.tokens)
	}
	if !slices.ContainsFunc(f.requests, func(r string) bool { return r == "GET /"+singleFile }) {
		t.Errorf("requests %v: the other host was never asked", f.requests)
	}
}

// TestTokenStaysOnTheWayBack redirects from the hub to another host and from
// there to the hub and away again.
func TestTokenStaysOnTheWayBack(t *testing.T) {
	f := newFake(t, checkpoint())
	f.trouble = func(w http.ResponseWriter, r *http.Request, file string, n int) bool {
		if file == singleFile && n == 0 {
			http.Redirect(w, r, f.hub.URL+"/o/n/resolve/"+commit+"/"+singleFile, http.StatusTemporaryRedirect)
			return true
		}
		return false
	}
	f.pullAll(f.open(nil), &Request{Name: name})
	if f.tokens["store"] {
		t.Error("the token reached another host")
	}
}

func TestListWithoutDigestsIsCompleted(t *testing.T) {
	f := newFake(t, checkpoint())
	f.bare = true
	result := f.pullAll(f.open(nil), &Request{Name: name})
	f.check(result.Dir, wanted)
	if !slices.Contains(f.requests, "HEAD /o/n/resolve/"+commit+"/"+singleFile) {
		t.Errorf("requests %v: no HEAD", f.requests)
	}
	if f.tokens["store"] {
		t.Error("the token reached another host")
	}
}

func TestShardsOfTheIndexAreFetched(t *testing.T) {
	files := checkpoint()
	data := files[singleFile]
	delete(files, singleFile)
	files[indexFile] = []byte(`{"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors","c":"model-00001-of-00002.safetensors"}}`)
	files["model-00001-of-00002.safetensors"], files["model-00002-of-00002.safetensors"] = data[:100_000], data[100_000:]
	files["adapter.safetensors"] = data[:5000]
	f := newFake(t, files)
	result := f.pullAll(f.open(nil), &Request{Name: name})
	f.check(result.Dir, []string{"chat_template.jinja", "config.json", "model-00001-of-00002.safetensors",
		"model-00002-of-00002.safetensors", indexFile, "tokenizer.json"})
	delete(f.files, "model-00002-of-00002.safetensors")
	if _, err := f.open(nil).Pull(t.Context(), &Request{Name: name}); err == nil || !strings.Contains(err.Error(), "model-00002-of-00002.safetensors is listed in") {
		t.Errorf("error %v for a shard that the hub lacks", err)
	}
}

func TestNoWeightsIsSaidBeforeAnythingIsPublished(t *testing.T) {
	files := checkpoint()
	delete(files, singleFile)
	f := newFake(t, files)
	h := f.open(nil)
	_, err := h.Pull(t.Context(), &Request{Name: name})
	var input *InputError
	if !errors.As(err, &input) || !strings.Contains(err.Error(), "only *.bin, *.gguf, *.safetensors by other names") {
		t.Errorf("error %v", err)
	}
	if _, err := Resolve(h.cache, "o/n"); err == nil {
		t.Error("half a model is found")
	}
}

func TestRevisionsAreKept(t *testing.T) {
	f := newFake(t, checkpoint())
	h := f.open(nil)
	f.pullAll(h, &Request{Name: Name{"o", "n", "refs/pr/1"}})
	if !slices.Contains(f.requests, "GET /api/models/o/n/revision/refs/pr/1") {
		t.Errorf("requests %v", f.requests)
	}
	if f.counts["list refs%2Fpr%2F1"] != 1 {
		t.Errorf("the revision was not sent as one part of the address: %v", f.counts)
	}
	for _, n := range []string{"o/n", "o/n@refs/pr/1", "o/n@" + commit} {
		if _, err := Resolve(h.cache, n); err != nil {
			t.Error(err)
		}
	}
	f.pullAll(h, &Request{Name: Name{"o", "n", commit}})
	refs := tree(t, filepath.Join(h.cache, "models--o--n", "refs"))
	if want := []string{"refs/pr/1"}; !slices.Equal(refs, want) {
		t.Errorf("refs %v, want %v", refs, want)
	}
}

func TestFolderGetsFiles(t *testing.T) {
	f := newFake(t, checkpoint())
	h := f.open(nil)
	dir := filepath.Join(t.TempDir(), "a", "b")
	result := f.pullAll(h, &Request{Name: name, Dir: dir})
	if result.Dir != dir {
		t.Errorf("folder %s, want %s", result.Dir, dir)
	}
	f.check(dir, wanted)
	sent := f.sent
	if f.pullAll(h, &Request{Name: name, Dir: dir}); f.sent != sent {
		t.Errorf("%d bytes were sent again", f.sent-sent)
	}
	// A file of the same size and another content is not the same file.
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(`{"model_type":"gemma3"}`), 0o666); err != nil {
		t.Fatal(err)
	}
	if result := f.pullAll(h, &Request{Name: name, Dir: dir}); result.Fetched != int64(len(f.files["config.json"])) {
		t.Errorf("%d bytes fetched, want those of config.json", result.Fetched)
	}
	f.check(dir, wanted)
	if _, err := os.Stat(h.cache); err == nil {
		t.Error("the cache was used")
	}
}

func TestVerifyFindsDamage(t *testing.T) {
	f := newFake(t, checkpoint())
	h := f.open(nil)
	result := f.pullAll(h, &Request{Name: name})
	blob := filepath.Join(h.cache, "models--o--n", "blobs", sha(f.files[singleFile]))
	damaged := slices.Clone(f.files[singleFile])
	damaged[77777] ^= 1
	if err := os.WriteFile(blob, damaged, 0o666); err != nil {
		t.Fatal(err)
	}
	var notices []string
	f.pullAll(h, &Request{Name: name, Verify: true, Notice: func(s string) { notices = append(notices, s) }})
	f.check(result.Dir, wanted)
	if len(notices) != 1 || !strings.Contains(notices[0], "damaged") {
		t.Errorf("notices %q", notices)
	}
}

// TestTwoPullsFetchOnce starts several at once: one fetches, the others wait
// for its lock and find the file.
func TestTwoPullsFetchOnce(t *testing.T) {
	f := newFake(t, checkpoint())
	h := f.open(nil)
	h.retry.wait = standardRetry.wait
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := h.Pull(t.Context(), &Request{Name: name}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := f.counts[singleFile]; n != 1 {
		t.Errorf("the weights were fetched %d times", n)
	}
	f.check(filepath.Join(h.cache, "models--o--n", "snapshots", commit), wanted)
}

func TestLockIsWaitedFor(t *testing.T) {
	f := newFake(t, checkpoint())
	h := f.open(nil)
	path := filepath.Join(h.cache, ".locks", "models--o--n", sha(f.files[singleFile])+".lock")
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	other, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := tryLock(other); !ok || err != nil {
		t.Fatal(ok, err)
	}
	waits := 0
	h.retry.wait = func(_ context.Context, d time.Duration) error {
		if waits++; waits == 3 {
			other.Close()
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		if d != lockPause || f.counts[singleFile] > 0 {
			t.Errorf("waits %v after %d requests, want %v before the first", d, f.counts[singleFile], lockPause)
		}
		return nil
	}
	var notices []string
	result := f.pullAll(h, &Request{Name: name, Notice: func(s string) { notices = append(notices, s) }})
	f.check(result.Dir, wanted)
	if waits != 3 || len(notices) != 1 || !strings.Contains(notices[0], "another process") {
		t.Errorf("%d waits, notices %q", waits, notices)
	}
}
