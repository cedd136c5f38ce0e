package engine_test

import (
	"bytes"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hark/engine"
	"hark/engine/backend/cpu"
	"hark/engine/model"
	"hark/engine/token"
	"hark/engine/weights"
)

// saved returns the paths and the sizes of the files in dir.
func saved(t *testing.T, dir string) (paths []string, bytes int64) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, want 0600", entry.Name(), info.Mode().Perm())
		}
		paths, bytes = append(paths, filepath.Join(dir, entry.Name())), bytes+info.Size()
	}
	return paths, bytes
}

// utterance returns a whole clip.
func utterance(t *testing.T, e *engine.Engine) *engine.Clip {
	t.Helper()
	clip, err := e.NewClip()
	if err != nil {
		t.Fatal(err)
	}
	if err := clip.Push(sound(t)); err != nil {
		t.Fatal(err)
	}
	clip.End()
	return clip
}

// ask answers a prompt of instructions, speech and a question.
func ask(t *testing.T, e *engine.Engine) (out []said) {
	t.Helper()
	clip := utterance(t, e)
	defer clip.Close()
	before, after := prompt(t, e, clip)
	s := sequence(t, e)
	defer s.Close()
	set(t, s, engine.Tokens(golden(t).IDs("text.input_ids")), before, clip, after)
	return words(t, s, 6)
}

// TestRestartReadsInNothingAgain answers, closes the engine, and answers with
// another engine: bit by bit the same, from the cache that was saved.
func TestRestartReadsInNothingAgain(t *testing.T) {
	for _, bits := range []int{0, 8} {
		dir := filepath.Join(t.TempDir(), "a", "b")
		o := &engine.Options{CacheDir: dir, KVBits: bits}
		first := open(t, o)
		want := ask(t, first)
		read := first.Stats().Read
		first.Close()
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
			t.Fatalf("the folder: %v, %v", info, err)
		}
		if paths, _ := saved(t, dir); len(paths) == 0 {
			t.Fatal("nothing was saved")
		}
		second := open(t, o)
		if got := ask(t, second); !slices.Equal(got, want) {
			t.Errorf("%d bits: after a restart %v, before %v", bits, got, want)
		}
		if st := second.Stats(); st.Read != 1 || read < 60 {
			t.Errorf("%d bits: %d positions read in after a restart, %d before; want the last alone", bits, st.Read, read)
		}
		second.Close()
		third := open(t, &engine.Options{CacheDir: dir, KVBits: 8 - bits})
		ask(t, third)
		if st := third.Stats(); st.Read != read {
			t.Errorf("%d positions read in by an engine with other caches, want %d", st.Read, read)
		}
	}
}

// TestPrefixesAreSavedInIdleTime looks at the folder while the engine runs.
func TestPrefixesAreSavedInIdleTime(t *testing.T) {
	dir := t.TempDir()
	bubble(t, &engine.Options{CacheDir: dir}, func(t *testing.T, e *engine.Engine) {
		want := ask(t, e)
		synctest.Wait()
		if paths, _ := saved(t, dir); len(paths) != 0 {
			t.Error("saved before it was quiet for half a second")
		}
		<-time.After(time.Second)
		synctest.Wait()
		paths, _ := saved(t, dir)
		if len(paths) != 1 {
			t.Fatalf("%d files after a quiet second, want 1", len(paths))
		}
		// What is killed now has lost nothing.
		copied := t.TempDir()
		data, err := os.ReadFile(paths[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(copied, filepath.Base(paths[0])), data, 0o600); err != nil {
			t.Fatal(err)
		}
		other := open(t, &engine.Options{CacheDir: copied})
		if got := ask(t, other); !slices.Equal(got, want) || other.Stats().Read != 1 {
			t.Errorf("from the copy %v with %d positions read in, want %v", got, other.Stats().Read, want)
		}
	})
}

// TestUselessFilesAreDeleted damages what was saved, and puts other files
// beside it: each useless one costs a line in the log, the others are left.
func TestUselessFilesAreDeleted(t *testing.T) {
	const seed = 11
	rng := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	first := open(t, &engine.Options{CacheDir: dir})
	want := ask(t, first)
	first.Close()
	paths, _ := saved(t, dir)
	good, err := os.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	foreign := strings.Repeat("0", 16) + "-" + strings.Repeat("0", 32) + ".hark-prefix"
	for try := range 40 {
		data := bytes.Clone(good)
		switch at := rng.IntN(len(data)); try % 4 {
		case 0:
			data[at] ^= 1 << rng.IntN(8)
		case 1:
			data = data[:at]
		case 2:
			data = append(data, 0)
		case 3:
			copy(data[at/16:], good[:16+at%100])
		}
		for name, data := range map[string][]byte{filepath.Base(paths[0]): data, foreign: good[:100], "notes.txt": []byte("mine")} {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var log bytes.Buffer
		e := open(t, &engine.Options{CacheDir: dir, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if got := ask(t, e); !slices.Equal(got, want) {
			t.Fatalf("seed %d, try %d: %v, want %v", seed, try, got, want)
		}
		read := e.Stats().Read
		e.Close()
		if lines := strings.Count(log.String(), "\n"); read == 1 || lines != 1 {
			t.Errorf("seed %d, try %d: %d positions read in; the log says %q", seed, try, read, log.String())
		}
		if again, err := os.ReadFile(paths[0]); err != nil || !bytes.Equal(again, good) {
			t.Errorf("seed %d, try %d: not replaced: %v", seed, try, err)
		}
		for _, name := range []string{foreign, "notes.txt"} {
			if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
				t.Errorf("what is none of the engine's: %v", err)
			}
		}
	}
}

// TestFilesOfOtherModelsAreNotRead has a file of one model under the name of
// another's.
func TestFilesOfOtherModelsAreNotRead(t *testing.T) {
	dir := t.TempDir()
	var names []string
	for _, model := range []string{"one", "two"} {
		e := open(t, &engine.Options{CacheDir: dir, CacheModel: model})
		ask(t, e)
		if n := e.Stats().Read; n < 60 {
			t.Errorf("%d positions read in: the caches of another model were used", n)
		}
		e.Close()
		paths, _ := saved(t, dir)
		names = append(names, paths...)
	}
	paths, _ := saved(t, dir)
	if len(paths) != 2 {
		t.Fatalf("%d files of two models", len(paths))
	}
	other := paths[0]
	if other == names[0] {
		other = paths[1]
	}
	if err := os.Rename(other, names[0]); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	e := open(t, &engine.Options{CacheDir: dir, CacheModel: "one", Log: slog.New(slog.NewTextHandler(&log, nil))})
	ask(t, e)
	if n := e.Stats().Read; n < 60 || strings.Count(log.String(), "\n") != 1 {
		t.Errorf("%d positions read in; the log says %q", n, log.String())
	}
}

// TestSavedFilesStayWithinTheirBound saves more than may lie there.
func TestSavedFilesStayWithinTheirBound(t *testing.T) {
	const bound = 200_000
	dir := t.TempDir()
	bubble(t, &engine.Options{CacheDir: dir, PrefixBytes: bound}, func(t *testing.T, e *engine.Engine) {
		for i := range 12 {
			s := sequence(t, e)
			set(t, s, same(token.ID(20+i), 40))
			greedy(t, s, 2)
			s.Close()
			<-time.After(10 * time.Second)
			synctest.Wait()
			paths, size := saved(t, dir)
			if st := e.Stats(); size > bound || len(paths) == 0 || len(paths) > st.Prefixes {
				t.Errorf("%d files of %d bytes for %d prefixes, want at most %d bytes", len(paths), size, st.Prefixes, bound)
			}
		}
	})
}

// TestModelsThatAreSavedHaveAName loads a model of which no files are known.
func TestModelsThatAreSavedHaveAName(t *testing.T) {
	src, err := weights.Dir(tiny + "e/hf-bf16")
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	b := cpu.New(&cpu.Options{Threads: 1})
	defer b.Close()
	m, err := model.Open(src, b)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, o := range []engine.Options{{CacheDir: t.TempDir()}, {CacheDir: file, CacheModel: "m"}, {KVBits: 4}, {MaxBytes: -1}} {
		if e, err := engine.Load(m, b, &o); err == nil {
			e.Close()
			t.Errorf("options %+v were taken", o)
		}
	}
}
