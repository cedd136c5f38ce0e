package hub

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// put makes a file and the folders above it.
func put(t *testing.T, content string, path ...string) {
	t.Helper()
	file := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
}

// version makes a snapshot. hours is its age.
func version(t *testing.T, cache, model, commit string, hours int, files ...string) {
	t.Helper()
	dir := filepath.Join(cache, model, "snapshots", commit)
	for _, file := range files {
		content := "{}"
		if file == indexFile {
			content = `{"weight_map":{"a":"a.safetensors","b":"b.safetensors"}}`
		}
		put(t, content, dir, file)
	}
	at := time.Now().Add(-time.Duration(hours) * time.Hour)
	if err := os.Chtimes(dir, at, at); err != nil {
		t.Fatal(err)
	}
}

func TestResolve(t *testing.T) {
	cache := t.TempDir()
	const one, two, three = "1111", "2222", "3333"
	whole := []string{configFile, singleFile}
	version(t, cache, "models--a--newest", one, 2, whole...)
	version(t, cache, "models--a--newest", two, 1, whole...)
	version(t, cache, "models--a--main", one, 2, whole...)
	version(t, cache, "models--a--main", two, 1, whole...)
	put(t, one+"\n", cache, "models--a--main", "refs", "main")
	put(t, two, cache, "models--a--main", "refs", "old", "tag")
	version(t, cache, "models--a--partly", one, 2, whole...)
	version(t, cache, "models--a--partly", two, 1, configFile)
	put(t, two, cache, "models--a--partly", "refs", "main")
	version(t, cache, "models--a--shards", one, 1, configFile, indexFile, "a.safetensors", "b.safetensors")
	version(t, cache, "models--a--lacks", one, 1, configFile, indexFile, "a.safetensors")
	version(t, cache, "models--a--bare", one, 1, singleFile)
	version(t, cache, "models--a--dangling", one, 1, configFile)
	if err := os.Symlink("../../blobs/none", filepath.Join(cache, "models--a--dangling", "snapshots", one, singleFile)); err != nil {
		t.Fatal(err)
	}
	put(t, "x", cache, "file")
	for name, want := range map[string]string{
		cache:                        cache,
		"a/newest":                   "models--a--newest/snapshots/2222",
		"a/newest@" + one:            "models--a--newest/snapshots/1111",
		"a/main":                     "models--a--main/snapshots/1111",
		"a/main@main":                "models--a--main/snapshots/1111",
		"a/main@old/tag":             "models--a--main/snapshots/2222",
		"a/partly":                   "models--a--partly/snapshots/1111",
		"a/shards":                   "models--a--shards/snapshots/1111",
		"a/partly@main":              "!model.safetensors is missing",
		"a/lacks":                    "!b.safetensors is missing",
		"a/bare":                     "!config.json is missing",
		"a/dangling":                 "!model.safetensors is missing",
		"a/none":                     "!to fetch it: hark pull a/none",
		"a/main@" + three:            "!hark pull a/main --revision 3333",
		"a/main@../x":                "!neither a folder nor the name of a model",
		"./a/main":                   "!neither a folder nor the name of a model",
		"/a/main":                    "!neither a folder nor the name of a model",
		"main":                       "!neither a folder nor the name of a model",
		"":                           "!neither a folder nor the name of a model",
		filepath.Join(cache, "file"): "!not a folder",
	} {
		got, err := Resolve(cache, name)
		if text, fails := strings.CutPrefix(want, "!"); fails {
			var input *InputError
			if !errors.As(err, &input) || !strings.Contains(err.Error(), text) {
				t.Errorf("%q: %s, %v, want an InputError with %q", name, got, err, text)
			}
			continue
		}
		if !filepath.IsAbs(want) {
			want = filepath.Join(cache, want)
		}
		if err != nil || got != want {
			t.Errorf("%q: %s, %v, want %s", name, got, err, want)
		}
	}
}

func TestModelsListsTheCache(t *testing.T) {
	cache := t.TempDir()
	version(t, cache, "models--b--two", "2222", 1, configFile)
	version(t, cache, "models--b--two", "1111", 3, configFile, singleFile)
	put(t, "12345", cache, "models--b--two", "blobs", "x")
	put(t, "123", cache, "models--b--two", "blobs", "y.incomplete")
	put(t, "1234", cache, "models--a--begun", "blobs", "z.incomplete")
	put(t, "x", cache, "datasets--a--b", "blobs", "x")
	put(t, "x", cache, "models--nothing", "blobs", "x")
	put(t, "x", cache, "models--..--x", "blobs", "x")
	if err := os.MkdirAll(filepath.Join(cache, "models--a--empty", "blobs"), 0o777); err != nil {
		t.Fatal(err)
	}
	models, err := Models(cache)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range models {
		got = append(got, m.Name.ID())
	}
	if want := []string{"a/begun", "b/two"}; !slices.Equal(got, want) {
		t.Fatalf("models %v, want %v", got, want)
	}
	if m := models[0]; m.Bytes != 4 || len(m.Versions) != 0 {
		t.Errorf("%+v, want 4 bytes and no version", m)
	}
	m := models[1]
	if m.Bytes != 8 || len(m.Versions) != 2 || m.Versions[0].Commit != "1111" || m.Versions[1].Missing != singleFile {
		t.Errorf("%+v, want 8 bytes and the complete version first", m)
	}
	if models, err := Models(filepath.Join(cache, "none")); err != nil || models != nil {
		t.Errorf("%v, %v for a cache that is not there", models, err)
	}
}

func TestEnvironment(t *testing.T) {
	home := t.TempDir()
	put(t, " hf_file\n", home, ".cache", "huggingface", "token")
	put(t, "hf_other", home, "elsewhere")
	base := filepath.Join(home, ".cache", "huggingface")
	for what, c := range map[string]struct {
		env  map[string]string
		want Options
	}{
		"nothing":   {nil, Options{Cache: filepath.Join(base, "hub"), Token: "hf_file"}},
		"home":      {map[string]string{"HF_HOME": "~/h"}, Options{Cache: filepath.Join(home, "h", "hub")}},
		"cache":     {map[string]string{"HF_HUB_CACHE": "/c", "HF_HOME": "/h"}, Options{Cache: "/c"}},
		"xdg":       {map[string]string{"XDG_CACHE_HOME": "/x"}, Options{Cache: "/x/huggingface/hub"}},
		"token":     {map[string]string{"HF_TOKEN": " hf_env "}, Options{Cache: filepath.Join(base, "hub"), Token: "hf_env"}},
		"path":      {map[string]string{"HF_TOKEN_PATH": "~/elsewhere"}, Options{Cache: filepath.Join(base, "hub"), Token: "hf_other"}},
		"no token":  {map[string]string{"HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}, Options{Cache: filepath.Join(base, "hub")}},
		"endpoint":  {map[string]string{"HF_ENDPOINT": "http://mirror:8080/", "HF_HUB_OFFLINE": "yes"}, Options{Endpoint: "http://mirror:8080", Cache: filepath.Join(base, "hub"), Token: "hf_file", Offline: true}},
		"not truly": {map[string]string{"HF_HUB_OFFLINE": "0"}, Options{Cache: filepath.Join(base, "hub"), Token: "hf_file"}},
	} {
		if got := Environment(func(name string) string { return c.env[name] }, home); got != c.want {
			t.Errorf("%s: %+v, want %+v", what, got, c.want)
		}
	}
}

func TestNewRefusesWrongOptions(t *testing.T) {
	for _, o := range []Options{
		{Cache: "c", Endpoint: "mirror"}, {Cache: "c", Endpoint: "ftp://mirror"}, {Cache: "c", Endpoint: "http://"},
		{Cache: "c", Token: "two\nlines"}, {Cache: "c", Token: "ümlaut"}, {},
	} {
		var input *InputError
		if _, err := New(&o); !errors.As(err, &input) {
			t.Errorf("%+v: error %v, want an InputError", o, err)
		}
	}
	h, err := New(&Options{Cache: "c"})
	if err != nil || h.endpoint.String() != DefaultEndpoint {
		t.Errorf("endpoint %v, %v, want %s", h.endpoint, err, DefaultEndpoint)
	}
}

func TestParseName(t *testing.T) {
	for text, want := range map[string]string{
		"google/gemma-4-E2B-it": "google/gemma-4-E2B-it main",
		"a/b.c_d@v1":            "a/b.c_d v1",
		"a/b@refs/pr/1":         "a/b refs/pr/1",
		"a":                     "", "a/": "", "/b": "", "a/b/c": "", "a/..": "", "a/b--c": "", "a/b..c": "", "-a/b": "", ".a/b": "",
		"a/b@": "", "a/b@.": "", "a/b@..": "", "a-/b": "", "a/b@../x": "", "a/b@/x": "", "a/b@x y": "", "a/b@x//y": "", `a/b@x\y`: "", "a b/c": "", "a/ü": "",
		"a/" + strings.Repeat("x", 97): "",
	} {
		n, err := ParseName(text)
		got := ""
		if err == nil {
			got = n.ID() + " " + n.Revision
		}
		if got != want {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
}

// TestListingsThatLeaveTheFolderAreRefused feeds names that a hub must not
// say.
func TestListingsThatLeaveTheFolderAreRefused(t *testing.T) {
	for _, file := range []string{"../x", "/x", "a/../../x", "a//b", "a/./b", `a\\b`, "C:x", "", ".", "a/", `a\u0000b`, `a\nb`} {
		data := `{"sha":"` + commit + `","siblings":[{"rfilename":"` + file + `"}]}`
		if _, files, err := parseListing([]byte(data)); err == nil {
			t.Errorf("%q: %v, want an error", file, files)
		}
	}
	for _, data := range []string{
		`{"sha":"main","siblings":[]}`, `[]`, `{"sha":"../../../../../../../../../../../../..x"}`,
		`{"sha":"` + commit + `","siblings":[{"rfilename":"a"},{"rfilename":"a"}]}`,
	} {
		if _, _, err := parseListing([]byte(data)); err == nil {
			t.Errorf("%s: no error", data)
		}
	}
}

func FuzzListing(f *testing.F) {
	f.Add([]byte(`{"sha":"` + commit + `","siblings":[{"rfilename":"a/b.json","size":3,"blobId":"` + commit + `","lfs":{"sha256":"x","size":-1}}]}`))
	f.Add([]byte(`{"sha":"x","siblings":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		sha, files, err := parseListing(data)
		if err != nil {
			return
		}
		if !filepath.IsLocal(sha) {
			t.Errorf("commit %q", sha)
		}
		for _, file := range append(small(files), files...) {
			joined := filepath.Join("/base", file.name)
			if !strings.HasPrefix(joined, "/base/") || file.size < -1 || file.digest.hex != "" && !isHex(file.digest.hex, len(file.digest.hex)) {
				t.Errorf("%+v", file)
			}
		}
	})
}

func FuzzIndex(f *testing.F) {
	f.Add([]byte(`{"weight_map":{"a":"model-00001-of-00002.safetensors"}}`))
	f.Add([]byte(`{"weight_map":{"a":"../x"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		names, err := parseIndex(data)
		for _, name := range names {
			if err != nil || filepath.Base(name) != name {
				t.Errorf("%q, %v", name, err)
			}
		}
	})
}

func FuzzName(f *testing.F) {
	f.Add("owner/name@main")
	f.Fuzz(func(t *testing.T, text string) {
		n, err := ParseName(text)
		if err != nil {
			return
		}
		path := filepath.Join("/base", n.folder(), "refs", n.Revision)
		if !strings.HasPrefix(path, "/base/models--") || !strings.Contains(path, "/refs/") || !filepath.IsLocal(n.Revision) {
			t.Errorf("%q becomes %s", text, path)
		}
		back, err := ParseName(strings.Replace(strings.TrimPrefix(n.folder(), "models--"), "--", "/", 1))
		if err != nil || back.ID() != n.ID() {
			t.Errorf("%q comes back as %q, %v", n.ID(), back.ID(), err)
		}
	})
}
