package speech

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"hark/internal/leak"
)

// TestMain runs the tests, or is the espeak-ng that they start.
func TestMain(m *testing.M) {
	if kind := os.Getenv("SPEECH_TEST_CHILD"); kind != "" {
		os.Exit(runFake(kind, os.Args[1:]))
	}
	leak.Main(m)
}

// runFake is a program with the options of espeak-ng that speaks a letter in
// 1000 samples.
func runFake(kind string, args []string) int {
	if slices.Contains(args, "--voices") {
		fmt.Println("Pty Language       Age/Gender VoiceName\n 5  en-us  --/M  English\n 5  de  --/M  German\n 5  fr-fr  --/M  French")
		return 0
	}
	text, _ := io.ReadAll(os.Stdin)
	if slices.Contains(args, "-q") {
		fmt.Println(strings.ToLower(string(text)))
		return 0
	}
	switch kind {
	case "hangs":
		fmt.Fprintln(os.Stderr, "started")
		<-time.After(time.Hour)
	case "fails":
		fmt.Fprintln(os.Stderr, "no such voice\nmore")
		return 1
	case "endless":
		for block := make([]byte, 1<<20); ; {
			if _, err := os.Stdout.Write(block); err != nil {
				return 1
			}
		}
	case "garbage":
		fmt.Println("not a sound")
		return 0
	case "environment":
		fmt.Fprintln(os.Stderr, "key", os.Getenv("HARK_KEY"))
		return 1
	case "args":
		fmt.Fprintln(os.Stderr, strings.Join(args, " "))
		return 1
	}
	head := make([]byte, 44)
	copy(head, "RIFF")
	copy(head[36:], "data")
	binary.LittleEndian.PutUint32(head[24:], espeakRate)
	for range text {
		for range 1000 {
			head = binary.LittleEndian.AppendUint16(head, 8000)
		}
	}
	os.Stdout.Write(append(head, make([]byte, 2*espeakRate)...)) // and a second of silence
	return 0
}

// fake returns a speaker whose program is this test.
func fake(t *testing.T, kind string) Speaker {
	t.Helper()
	t.Setenv("SPEECH_TEST_CHILD", kind)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(OpenOptions{Engine: Espeak, Program: self})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// say collects a text.
func say(ctx context.Context, s Speaker, text string, o Options) (whole Sound, parts int, err error) {
	for sound, err := range s.Say(ctx, text, o) {
		if err != nil {
			return whole, parts, err
		}
		whole.Samples = append(whole.Samples, sound.Samples...)
		whole.Words = append(whole.Words, sound.Words...)
		parts++
	}
	return whole, parts, nil
}

func TestWordsAreWhereTheySound(t *testing.T) {
	s := fake(t, "speaks")
	text := "**aaa** b, [ccc](http://d). "
	sound, _, err := say(t.Context(), s, text, Options{})
	if err != nil {
		t.Fatal(err)
	}
	pause := int(pauseSentence.Seconds() * espeakRate)
	if want := len("aaa b, ccc.")*1000 + pause; len(sound.Samples) != want {
		t.Errorf("%d samples, want %d: the program's own silence counts not", len(sound.Samples), want)
	}
	var last int64
	var words []string
	for _, w := range sound.Words {
		if text[w.From:w.To] != w.Text || w.Start != last || w.End <= w.Start {
			t.Errorf("%+v, the one before ended at %d", w, last)
		}
		last = w.End
		words = append(words, w.Text)
	}
	if want := "aaa|b,|ccc](http://d)."; strings.Join(words, "|") != want || last != int64(len(sound.Samples)-pause) {
		t.Errorf("words %q end at %d, want %q", words, last, want)
	}
}

func TestLongTextsComeInParts(t *testing.T) {
	s := fake(t, "speaks")
	text := strings.Repeat("One two three. ", 60) + "\n```\nsecret\n```\nEnd."
	sound, parts, err := say(t.Context(), s, text, Options{})
	if err != nil || parts < 50 {
		t.Fatalf("%d parts, %v", parts, err)
	}
	for i, w := range sound.Words {
		if text[w.From:w.To] != w.Text || strings.Contains(w.Text, "secret") || i > 0 && w.Start < sound.Words[i-1].End {
			t.Fatalf("word %d: %+v", i, w)
		}
	}
	if last := sound.Words[len(sound.Words)-1]; last.Text != "End." || last.End > int64(len(sound.Samples)) {
		t.Errorf("last word %+v of %d samples", last, len(sound.Samples))
	}
}

func TestNothingToSayIsNoSound(t *testing.T) {
	s := fake(t, "fails")
	for _, text := range []string{"", " ", "😀", "**", "..."} {
		if sound, parts, err := say(t.Context(), s, text, Options{}); err != nil || parts != 0 || sound.Samples != nil {
			t.Errorf("%q: %d parts, %v", text, parts, err)
		}
	}
}

func TestCancelKillsTheChild(t *testing.T) {
	s := fake(t, "hangs")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stopped := time.AfterFunc(100*time.Millisecond, cancel)
	defer stopped.Stop()
	begin := time.Now()
	_, _, err := say(ctx, s, "Hello", Options{})
	// It takes some milliseconds; the bound is for a machine that does much else.
	if took := time.Since(begin); !errors.Is(err, context.Canceled) || took > time.Second {
		t.Errorf("%v after %v, want it soon after 100 ms", err, took)
	}
	if _, _, err := say(ctx, s, "Hello", Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v", err)
	}
}

func TestFaultsOfAChild(t *testing.T) {
	for kind, want := range map[string]string{
		"fails":   "no such voice",
		"garbage": "no WAV",
		"endless": "without end",
	} {
		_, _, err := say(t.Context(), fake(t, kind), "Hello", Options{})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "more") {
			t.Errorf("%s: %v, want %q", kind, err, want)
		}
	}
}

func TestKeysDoNotReachTheChild(t *testing.T) {
	t.Setenv("HARK_KEY", "secret")
	if _, _, err := say(t.Context(), fake(t, "environment"), "Hello", Options{}); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
}

func TestOptionsReachTheChild(t *testing.T) {
	s := fake(t, "args")
	for _, tt := range []struct {
		o    Options
		want string
	}{
		{Options{}, "-v en-us -p 50 -s 175 "},
		{Options{Voice: "Marin"}, "-v en-us+f3 -p 45 -s 175 "},
		{Options{Voice: "--help"}, "-v en-us -p 50 -s 175 "},
		{Options{Speed: 1.5, Language: "de-AT"}, "-v de -p 50 -s 263 "},
		{Options{Speed: 0.25, Language: "fr"}, "-v fr-fr -p 50 -s 80 "},
		{Options{Speed: 9, Language: "-w/etc/x"}, "-v en-us -p 50 -s 450 "},
	} {
		if _, _, err := say(t.Context(), s, "Hello", tt.o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", tt.o, err, tt.want)
		}
	}
}

func FuzzWAV(f *testing.F) {
	f.Add([]byte("RIFF"))
	f.Add(append(binary.LittleEndian.AppendUint32(append([]byte("RIFF"), make([]byte, 20)...), espeakRate), "xxxxxxxxdatazzzz123"...))
	f.Fuzz(func(t *testing.T, data []byte) {
		samples, err := decodeWAV(data)
		if err != nil && samples != nil || len(samples) > len(data)/2 {
			t.Errorf("%d samples of %d bytes, %v", len(samples), len(data), err)
		}
		sound := endWith(samples, pauseClause, espeakRate, 1)
		p := toPlain("one, two. three")
		list := fields(p.text)
		last := int64(0)
		for _, w := range place(p, list, []float64{100, 200, 300}, sound, espeakRate) {
			if w.Start < last || w.End < w.Start || w.End > int64(len(sound)) {
				t.Errorf("word %+v behind %d in %d samples", w, last, len(sound))
			}
			last = w.Start
		}
	})
}

func TestOpenSaysThatThereIsNoVoice(t *testing.T) {
	for _, o := range []OpenOptions{{Engine: None}, {Program: "/nowhere/espeak-ng"}, {Engine: Espeak, Program: "/nowhere/espeak-ng"}} {
		if s, err := Open(o); !errors.Is(err, ErrNone) || s != nil {
			t.Errorf("Open(%+v) = %v, %v", o, s, err)
		}
	}
	if _, err := Open(OpenOptions{Engine: "parrot"}); err == nil || errors.Is(err, ErrNone) {
		t.Errorf("an engine that does not exist: %v", err)
	}
}
