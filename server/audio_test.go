package server

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"math"
	"strings"
	"testing"

	"hark/audio/sound"
	"hark/audio/speech"
	"hark/audio/wav"
)

// twoSentences are two sample questions with a second of silence between them.
func twoSentences(t *testing.T) (file []byte, words string) {
	t.Helper()
	cases := sampleCases(t)
	var all []float32
	for _, s := range cases[:2] {
		samples, err := sound.Decode(sampleFile(t, s.Audio), nil)
		if err != nil {
			t.Fatal(err)
		}
		all = append(append(all, samples...), make([]float32, 16000)...)
		words = strings.TrimSpace(words + " " + s.Spoken)
	}
	return wav.Encode(16000, all), words
}

func TestWordsAreWrittenDown(t *testing.T) {
	_, url := serve(t, Options{Engine: real(t), Tokenizer: tokenizer(t)})
	c := newClient(t, url, "")
	file, words := twoSentences(t)
	const path = "/v1/audio/transcriptions"
	whole := ask[struct {
		Text     string
		Logprobs []chatLogprob
		Usage    struct {
			Input   int `json:"input_tokens"`
			Details struct {
				Audio int `json:"audio_tokens"`
			} `json:"input_token_details"`
		}
	}](c, "POST", path, newForm(t, file, "model", "whisper-1", "include[]", "logprobs"))
	if whole.Text != words || whole.Usage.Details.Audio == 0 || whole.Usage.Input <= whole.Usage.Details.Audio || len(whole.Logprobs) == 0 {
		t.Errorf("%+v, want %q", whole, words)
	}
	if text := c.read("POST", path, newForm(t, file, "response_format", "text"), 200); string(text) != words+"\n" {
		t.Errorf("text: %q", text)
	}
	verbose := ask[struct {
		Text, Language string
		Duration       float64
		Segments       []struct {
			Text       string
			Start, End float64
		}
	}](c, "POST", path, newForm(t, file, "response_format", "verbose_json", "language", "en", "timestamp_granularities[]", "segment"))
	if verbose.Text != words || verbose.Language != "en" || len(verbose.Segments) != 2 {
		t.Fatalf("verbose: %+v", verbose)
	}
	one, two := verbose.Segments[0], verbose.Segments[1]
	if !(0 <= one.Start && one.Start < one.End && one.End+0.6 < two.Start && two.Start < two.End && two.End < verbose.Duration) {
		t.Errorf("segments %+v of %v s", verbose.Segments, verbose.Duration)
	}
	srt := string(c.read("POST", path, newForm(t, file, "response_format", "srt"), 200))
	if !strings.HasPrefix(srt, "1\n00:00:00,") || !strings.Contains(srt, "\n\n2\n00:00:0") || !strings.Contains(srt, one.Text) {
		t.Errorf("srt: %s", srt)
	}
	if raceEnabled {
		return // arithmetic takes ten times as long
	}
	if vtt := string(c.read("POST", path, newForm(t, file, "response_format", "vtt"), 200)); !strings.HasPrefix(vtt, "WEBVTT\n\n00:00:00.") {
		t.Errorf("vtt: %s", vtt)
	}
	deltas, done := "", ""
	for lines := bufio.NewScanner(c.do("POST", path, newForm(t, file, "stream", "true")).Body); lines.Scan(); {
		var ev struct{ Type, Delta, Text string }
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && json.Unmarshal([]byte(data), &ev) == nil {
			deltas, done = deltas+ev.Delta, ev.Text
		}
	}
	if deltas != words || done != words {
		t.Errorf("the pieces are %q, the whole %q", deltas, done)
	}
	if silence := c.read("POST", path, newForm(t, wav.Encode(16000, make([]float32, 32000)), "response_format", "text"), 200); string(silence) != "\n" {
		t.Errorf("silence is %q", silence)
	}
	for _, tt := range []struct {
		body        any
		code, param string
	}{
		{`{}`, "invalid_form", ""},
		{newForm(t, nil), "missing_required_parameter", "file"},
		{newForm(t, []byte("%PDF")), "unsupported_format", "file"},
		{newForm(t, []byte("RIFF\x00\x00\x00\x00WAVE")), "invalid_value", "file"},
		{newForm(t, file, "response_format", "yaml"), "invalid_value", "response_format"},
		{newForm(t, file, "temperature", "hot"), "invalid_type", "temperature"},
		{newForm(t, file, "temperature", "2"), "invalid_value", "temperature"},
		{newForm(t, file, "stream", "perhaps"), "invalid_type", "stream"},
		{newForm(t, file, "stream", "1", "response_format", "srt"), "invalid_value", "response_format"},
		{newForm(t, file, "timestamp_granularities[]", "word"), "invalid_value", "timestamp_granularities[0]"},
		{&form{*bytes.NewBufferString("--x\r\nnothing"), "multipart/form-data; boundary=x"}, "invalid_form", ""},
	} {
		c.refused("POST", path, tt.body, 400, tt.code, tt.param)
	}
	_, deaf := serve(t, Options{Engine: newPuppet()})
	newClient(t, deaf, "").refused("POST", path, newForm(t, file), 400, "unsupported_modality", "")
}

// Speech that does not end is cut into pieces that the model can hear, where
// it is quietest.
func TestLongSpeechIsCut(t *testing.T) {
	file, _ := twoSentences(t)
	samples, err := sound.Decode(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	short := segments(samples, 1<<30)
	if len(short) != 2 {
		t.Fatalf("%d segments", len(short))
	}
	const longest = 24000
	long, at := segments(samples, longest), 0
	for i, s := range long {
		if s.end-s.first > longest || s.end <= s.first || s.first < at {
			t.Errorf("segment %d from %d to %d", i, s.first, s.end)
		}
		at = s.end
	}
	if len(long) <= 2 || long[0].first != short[0].first || at != short[1].end {
		t.Errorf("%d pieces up to %d, want more than 2 up to %d", len(long), at, short[1].end)
	}
}

// hummer is a voice that hums a tenth of a second for each word.
type hummer struct{ broken bool }

func (hummer) Rate() int        { return 22050 }
func (hummer) Voices() []string { return []string{"alloy"} }
func (hummer) Close() error     { return nil }

func (h hummer) Say(ctx context.Context, text string, o speech.Options) iter.Seq2[speech.Sound, error] {
	return func(yield func(speech.Sound, error) bool) {
		for range strings.Fields(text) {
			if h.broken {
				yield(speech.Sound{}, errors.New("hoarse"))
				return
			}
			tone := make([]float32, int(2205/max(o.Speed, 0.25)))
			for i := range tone {
				tone[i] = float32(math.Sin(float64(i) / 10))
			}
			if !yield(speech.Sound{Samples: tone}, nil) {
				return
			}
		}
	}
}

func TestTextIsSaid(t *testing.T) {
	_, url := serve(t, Options{Engine: newPuppet(), Speaker: hummer{}})
	c := newClient(t, url, "")
	say := func(more string, status int) []byte {
		return c.read("POST", "/v1/audio/speech", `{"input":"One two three. Four five.","voice":"alloy","speed":1`+more+`}`, status)
	}
	pcm := say(`,"response_format":"pcm"`, 200)
	if math.Abs(float64(len(pcm))-24000) > 10 {
		t.Errorf("%d bytes of half a second at 24 kHz", len(pcm))
	}
	if file := say("", 200); string(file[:4]) != "RIFF" || !bytes.Equal(file[44:], pcm) {
		t.Errorf("without a format: %d bytes %q", len(file), file[:4])
	}
	for format, want := range map[string]sound.Format{"wav": sound.WAV, "flac": sound.FLAC, "opus": sound.Opus} {
		file := say(`,"response_format":"`+format+`"`, 200)
		samples, err := sound.Decode(file, nil)
		if sound.Sniff(file) != want || err != nil || len(samples) < 7500 || len(samples) > 8700 {
			t.Errorf("%s: %d samples of %s, %v", format, len(samples), sound.Sniff(file), err)
		}
	}
	if twice := c.read("POST", "/v1/audio/speech", `{"input":"One two three. Four five.","voice":{"id":"alloy"},"speed":2,"response_format":"pcm"}`, 200); len(twice) > len(pcm)*6/10 {
		t.Errorf("at double speed %d bytes of %d", len(twice), len(pcm))
	}
	var sound []byte
	last := ""
	for lines := bufio.NewScanner(bytes.NewReader(say(`,"response_format":"pcm","stream_format":"sse"`, 200))); lines.Scan(); {
		var ev struct{ Type, Audio string }
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && json.Unmarshal([]byte(data), &ev) == nil {
			piece, _ := base64.StdEncoding.DecodeString(ev.Audio)
			sound, last = append(sound, piece...), ev.Type
		}
	}
	if !bytes.Equal(sound, pcm) || last != "speech.audio.done" {
		t.Errorf("events: %d bytes, the last is %s", len(sound), last)
	}
	for body, want := range map[string][2]string{
		`{}`:                                    {"missing_required_parameter", "input"},
		`{"input":""}`:                          {"invalid_value", "input"},
		`{"input":"x","speed":9}`:               {"invalid_value", "speed"},
		`{"input":"x","response_format":"au"}`:  {"invalid_value", "response_format"},
		`{"input":"x","response_format":"mp3"}`: {"unsupported_format", "response_format"},
		`{"input":"` + strings.Repeat("x", 4097) + `"}`: {"string_above_max_length", "input"},
	} {
		c.refused("POST", "/v1/audio/speech", body, 400, want[0], want[1])
	}
	_, mute := serve(t, Options{Engine: newPuppet()})
	newClient(t, mute, "").refused("POST", "/v1/audio/speech", `{"input":"x"}`, 501, "speech_not_available", "")
}

func TestSpeechThatBreaksOffDoesNotLookWhole(t *testing.T) {
	_, url := serve(t, Options{Engine: newPuppet(), Speaker: hummer{broken: true}})
	c := newClient(t, url, "")
	c.refused("POST", "/v1/audio/speech", `{"input":"x","response_format":"flac"}`, 500, "server_error", "")
	resp := c.do("POST", "/v1/audio/speech", `{"input":"x","response_format":"wav"}`) // its header leaves at once
	if data, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("%d, %d bytes", resp.StatusCode, len(data))
	}
}
