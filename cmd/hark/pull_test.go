package main

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// tinyHub serves the tracked checkpoint e as the model someone/tiny, and
// points the environment at itself and an empty cache.
func tinyHub(t *testing.T) {
	t.Helper()
	const dir, commit = "../../testdata/tiny/e/hf-bf16", "0123456789abcdef0123456789abcdef01234567"
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/models/someone/tiny/revision/main" {
			entries, err := os.ReadDir(dir)
			if err != nil {
				t.Error(err)
			}
			var siblings []any
			for _, e := range entries {
				data, err := os.ReadFile(filepath.Join(dir, e.Name()))
				if err != nil {
					t.Error(err)
				}
				sum := sha1.Sum(append(fmt.Appendf(nil, "blob %d\x00", len(data)), data...))
				siblings = append(siblings, map[string]any{"rfilename": e.Name(), "size": len(data), "blobId": hex.EncodeToString(sum[:])})
			}
			json.NewEncoder(w).Encode(map[string]any{"sha": commit, "siblings": siblings})
			return
		}
		if file, ok := strings.CutPrefix(r.URL.Path, "/someone/tiny/resolve/"+commit+"/"); ok {
			http.ServeFile(w, r, filepath.Join(dir, file))
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(hub.Close)
	t.Setenv("HF_ENDPOINT", hub.URL)
	t.Setenv("HF_HUB_CACHE", filepath.Join(t.TempDir(), "hub"))
	for _, name := range []string{"HF_TOKEN", "HF_HUB_OFFLINE"} {
		t.Setenv(name, "")
	}
	t.Setenv("HF_TOKEN_PATH", filepath.Join(t.TempDir(), "none"))
}

// TestPulledModelsAreListedAndFound goes from nothing to a source.
func TestPulledModelsAreListedAndFound(t *testing.T) {
	tinyHub(t)
	if err := (&pullCommand{Name: "someone/tiny"}).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	flags := modelFlags{Model: "someone/tiny"}
	src, err := flags.source()
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if !strings.HasPrefix(src.Name(), hubOptions().Cache) {
		t.Errorf("found in %s, want it in %s", src.Name(), hubOptions().Cache)
	}
	if v := judgeSource(src); !v.Runs || !v.Hears || !v.Sees || v.ModelType != "gemma4" || v.Memory < 1<<20 {
		t.Errorf("verdict %+v", v)
	}
	dir := filepath.Join(t.TempDir(), "here")
	if err := (&pullCommand{Name: "someone/tiny", Dir: dir, Verify: true}).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if v := judge(dir); !v.Runs {
		t.Errorf("verdict %+v", v)
	}
}

func TestPullErrorsAreTheUsers(t *testing.T) {
	tinyHub(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []pullCommand{
		{Name: "tiny"}, {Name: "someone/else"}, {Name: "someone/tiny", Revision: "other"}, {Name: "someone/tiny@a", Revision: "b"},
		{Name: "someone/tiny", Dir: file},
	} {
		var wrong usageError
		if err := c.Run(t.Context()); !errors.As(err, &wrong) {
			t.Errorf("%+v: error %v, want one of the user", c, err)
		}
	}
}

// TestInterruptedIsAFailure demands an error, which main would not make of a
// canceled context.
func TestInterruptedIsAFailure(t *testing.T) {
	tinyHub(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []interface{ Run(context.Context) error }{
		&pullCommand{Name: "someone/tiny"},
		&convertCommand{In: "../../testdata/tiny/e/hf-bf16", Out: filepath.Join(t.TempDir(), "out"), Mode: "affine"},
	} {
		if err := c.Run(ctx); err == nil || errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "interrupted") {
			t.Errorf("error %v, want one that says interrupted", err)
		}
	}
}

func TestModelsSayWhyNot(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("HF_HUB_CACHE", cache)
	put := func(content string, path ...string) {
		file := filepath.Join(append([]string{cache}, path...)...)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put("1234", "models--a--begun", "blobs", "x.incomplete")
	put(`{"model_type":"gemma4"}`, "models--b--partly", "snapshots", "c1", "config.json")
	put(`{"model_type":"llama"}`, "models--c--other", "snapshots", "c1", "config.json")
	put("\x02\x00\x00\x00\x00\x00\x00\x00{}", "models--c--other", "snapshots", "c1", "model.safetensors")
	list, err := listModels()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := printModels(&out, list, cache); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"hark-demo (embedded)", "nothing whole is there; to fetch it: hark pull a/begun",
		"model.safetensors is missing; to fetch it: hark pull b/partly", `model_type "llama" is not known`} {
		if line := strings.Split(out.String(), "\n")[i+1]; !strings.Contains(line, want) {
			t.Errorf("line %q, want %q", line, want)
		}
		if list[i].Runs != (i == 0) {
			t.Errorf("%s runs: %v", list[i].Name, list[i].Runs)
		}
	}
}

func TestConvertErrorsAreTheUsers(t *testing.T) {
	const in = "../../testdata/tiny/e/hf-bf16"
	t.Setenv("HF_HUB_CACHE", t.TempDir())
	out := filepath.Join(t.TempDir(), "out")
	for _, c := range []convertCommand{
		{In: in, Out: out, Bits: 7}, {In: in, Out: out, Bits: -4}, {In: in, Out: out, GroupSize: 48}, {In: in, Out: out, Mode: "mxfp4", Bits: 8},
		{In: in, Out: t.TempDir()}, {In: "someone/none", Out: out}, {In: t.TempDir(), Out: out},
		{In: in, Out: out, Override: []string{"mlp"}}, {In: in, Out: out, Override: []string{"nothing=8"}},
	} {
		if c.Mode == "" {
			c.Mode = "affine"
		}
		var wrong usageError
		if err := c.Run(t.Context()); !errors.As(err, &wrong) {
			t.Errorf("%+v: error %v, want one of the user", c, err)
		}
	}
	if err := (&convertCommand{In: in, Out: out, Mode: "affine", Bits: 8, GroupSize: 32, Override: []string{"embed_tokens=4"}}).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if v := judge(out); !v.Runs {
		t.Errorf("verdict %+v", v)
	}
}

func TestBar(t *testing.T) {
	for want, got := range map[string]string{
		"x [........................]   0% of 0 B":                           bar("x", 0, 0, 0, 0),
		"x [############............]  50% of 2.00 GiB":                      bar("x", 1<<30, 2<<30, 1<<30, time.Second/2),
		"x [############............]  50% of 2.00 GiB, 256 MiB/s, 4s left":  bar("x", 1<<30, 2<<30, 1<<30, 4*time.Second),
		"x [########################] 100% of 10 B, 2 B/s, 0s left":          bar("x", 12, 10, 12, 5*time.Second),
		"x [........................]   0% of 10 B":                          bar("x", -5, 10, -5, 5*time.Second),
		"x [##################......]  75% of 8.00 MiB, 1.00 MiB/s, 2s left": bar("x", 6<<20, 8<<20, 4<<20, 4*time.Second),
	} {
		if got != want {
			t.Errorf("bar %q, want %q", got, want)
		}
	}
}
