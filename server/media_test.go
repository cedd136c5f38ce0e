package server

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/jpeg"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hark/audio/flac"
	"hark/audio/ogg"
	"hark/audio/sound"
	"hark/engine/chat"
	"hark/server/ffmpeg"
	"hark/session/conversation"
)

// spoken is the sample question as samples of 16 bits.
func spoken(t *testing.T, rate int) []int16 {
	t.Helper()
	samples, err := sound.Decode(sampleFile(t, "question-0.wav"), &sound.Options{Rate: 48000})
	if err != nil {
		t.Fatal(err)
	}
	out := []int16{}
	for i := 0; i < len(samples); i += 48000 / rate {
		out = append(out, int16(samples[i]*32767))
	}
	return out
}

func TestQuestionsInEveryFormatAreHeard(t *testing.T) {
	_, url := serve(t, Options{Engine: real(t)})
	c := newClient(t, url, "")
	s := sampleCases(t)[0]
	for _, other := range sampleCases(t) {
		if other.Audio == "question-0.wav" {
			s = other
		}
	}
	lossless, err := flac.Encode(48000, spoken(t, 48000))
	if err != nil {
		t.Fatal(err)
	}
	var opus bytes.Buffer
	w, err := ogg.NewWriter(&opus)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(spoken(t, 48000)); err != nil {
		t.Fatal(err)
	}
	w.Close()
	raw := []byte{}
	for _, v := range spoken(t, 24000) {
		raw = append(raw, byte(v), byte(v>>8))
	}
	input := func(data []byte, format string) any {
		return map[string]any{"type": "input_audio", "input_audio": map[string]any{"data": base64.StdEncoding.EncodeToString(data), "format": format}}
	}
	address := "data:audio/ogg;base64," + base64.StdEncoding.EncodeToString(opus.Bytes())
	for name, part := range map[string]any{
		"wav": input(sampleFile(t, s.Audio), "wav"), "flac": input(lossless, "flac"), "opus": input(opus.Bytes(), "opus"), "pcm16": input(raw, "pcm16"),
		"wrong name": input(lossless, "mp3"), "address": map[string]any{"type": "audio_url", "audio_url": map[string]any{"url": address}},
		"plain address": map[string]any{"type": "audio_url", "audio_url": address},
	} {
		if raceEnabled && name != "opus" && name != "address" {
			continue // arithmetic takes ten times as long
		}
		got := ask[chatReply](c, "POST", "/v1/multimodal/chat/completions", map[string]any{"temperature": 0, "messages": []any{
			map[string]any{"role": "system", "content": s.System}, map[string]any{"role": "user", "content": []any{part}}}})
		if text := strings.TrimSpace(*got.Choices[0].Message.Content); text != s.Reference {
			t.Errorf("%s: %q, want %q", name, text, s.Reference)
		}
	}
}

func TestRemotePicturesOnlyFromAllowedHosts(t *testing.T) {
	s := sampleCases(t)[0]
	for _, other := range sampleCases(t) {
		if other.Image != "" && other.Audio == "" {
			s = other
		}
	}
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/x.png" {
			w.Write(sampleFile(t, s.Image))
			return
		}
		http.NotFound(w, r)
	}))
	defer site.Close()
	body := func(path string) any {
		return map[string]any{"temperature": 0, "messages": []any{map[string]any{"role": "system", "content": s.System}, map[string]any{"role": "user", "content": []any{
			map[string]any{"type": "image_url", "image_url": site.URL + path}, map[string]any{"type": "text", "text": s.Text}}}}}
	}
	_, url := serve(t, Options{Engine: real(t), Remote: []string{strings.TrimPrefix(site.URL, "http://")}})
	c := newClient(t, url, "")
	if got := ask[chatReply](c, "POST", "/v1/chat/completions", body("/x.png")); strings.TrimSpace(*got.Choices[0].Message.Content) != s.Reference {
		t.Errorf("%q, want %q", *got.Choices[0].Message.Content, s.Reference)
	}
	c.refused("POST", "/v1/chat/completions", body("/y.png"), 400, "remote_url_failed", "messages[1].content[0].image_url.url")
	_, url = serve(t, Options{Engine: real(t), Remote: []string{"*"}})
	newClient(t, url, "").refused("POST", "/v1/chat/completions", body("/x.png"), 400, "remote_url_not_allowed", "messages[1].content[0].image_url.url")
}

// A program in the place of ffmpeg gives two pictures and no sound.
func TestVideosAreSeen(t *testing.T) {
	var frame bytes.Buffer
	if err := jpeg.Encode(&frame, image.NewRGBA(image.Rect(0, 0, 64, 48)), nil); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "frame"), frame.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\ncase \"$*\" in *mjpeg*) f=" + filepath.Join(dir, "frame") + "; exec /bin/cat $f $f;; esac\necho no sound >&2; exit 1\n"
	if err := os.WriteFile(filepath.Join(dir, "ffmpeg"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	program, err := ffmpeg.Find(filepath.Join(dir, "ffmpeg"))
	if err != nil {
		t.Fatal(err)
	}
	_, url := serve(t, Options{Engine: real(t), FFmpeg: program})
	c := newClient(t, url, "")
	ask := func(n int) int {
		content := []any{map[string]any{"type": "text", "text": "What do you see?"}}
		for range n {
			content = append(content, map[string]any{"type": "video_url", "video_url": map[string]any{"url": "data:video/mp4;base64,AAAAHGZ0eXBpc29t"}})
		}
		got := ask[chatReply](c, "POST", "/v1/chat/completions", map[string]any{"max_tokens": 1, "messages": []any{map[string]any{"role": "user", "content": content}}})
		return usageOf(t, got).PromptDetails.Image
	}
	if one, two := ask(1), ask(2); one == 0 || one%2 != 0 || two != 2*one {
		t.Errorf("one video has %d soft tokens, two have %d", one, two)
	}
}

// medium is a picture of a test.
type medium struct{ n int }

func (medium) Tokens() int { return 1 }
func (medium) Close()      {}

func TestFramesOfAVideoBecomeOne(t *testing.T) {
	media := []conversation.Medium{medium{0}, medium{1}, medium{2}, medium{3}, medium{4}}
	f := frames{media[1]: {0, 0}, media[2]: {0, 1e9}, media[3]: {1, 0}}
	messages := []chat.Message{{Content: []chat.Content{{Kind: chat.Image, Media: 0}, {Kind: chat.Image, Media: 1}, {Kind: chat.Image, Media: 2},
		{Kind: chat.Image, Media: 3}, {Kind: chat.Text, Text: "x"}, {Kind: chat.Image, Media: 4}}}}
	f.join(messages, media)
	var kinds []chat.Kind
	for _, c := range messages[0].Content {
		kinds = append(kinds, c.Kind)
	}
	if !slices.Equal(kinds, []chat.Kind{chat.Image, chat.Video, chat.Video, chat.Text, chat.Image}) ||
		!slices.Equal(messages[0].Content[1].Frames, []chat.Frame{{Media: 1}, {At: 1e9, Media: 2}}) {
		t.Errorf("%+v", messages[0].Content)
	}
}
