//go:build mlx

package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hark/engine/backend/backendtest"
	"hark/server"
)

// sampleCase is what of testdata/samples/cases.json is asked.
type sampleCase struct{ Name, System, Text, Audio, Image string }

// body makes a chat completion of a case.
func (c *sampleCase) body(t *testing.T) []byte {
	t.Helper()
	file := func(name string) string {
		data, err := os.ReadFile(filepath.Join("../../testdata/samples", name))
		if err != nil {
			t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(data)
	}
	type object = map[string]any
	var parts []any
	if c.Image != "" {
		parts = append(parts, object{"type": "image_url", "image_url": object{"url": "data:image/png;base64," + file(c.Image)}})
	}
	if c.Audio != "" {
		parts = append(parts, object{"type": "input_audio", "input_audio": object{"format": "wav", "data": file(c.Audio)}})
	}
	if c.Text != "" {
		parts = append(parts, object{"type": "text", "text": c.Text})
	}
	data, err := json.Marshal(object{"model": "hark", "temperature": 0, "max_tokens": 40, "messages": []any{
		object{"role": "system", "content": c.System}, object{"role": "user", "content": parts},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// answersOn serves the embedded model on a backend and asks the cases.
func answersOn(t *testing.T, flags backendFlags, cases []sampleCase) (device string, answers []string) {
	t.Helper()
	f := modelFlags{backendFlags: flags, Lookup: 8}
	r, err := f.start(t.Context(), server.Options{Addr: "127.0.0.1:0"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.close(); err != nil {
			t.Error(err)
		}
	}()
	for _, c := range cases {
		resp, err := http.Post("http://"+r.addr.String()+"/v1/chat/completions", "application/json", bytes.NewReader(c.body(t)))
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		var answer struct {
			Choices []struct{ Message struct{ Content string } }
		}
		if err != nil || json.Unmarshal(data, &answer) != nil || len(answer.Choices) != 1 {
			t.Fatalf("%s: %s %s %v", c.Name, resp.Status, data, err)
		}
		answers = append(answers, answer.Choices[0].Message.Content)
	}
	return r.device, answers
}

// TestMLXServesTheSameAnswers: text, sound and pictures are answered on MLX,
// word for word, as on the CPU backend.
func TestMLXServesTheSameAnswers(t *testing.T) {
	data, err := os.ReadFile("../../testdata/samples/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var all, cases []sampleCase
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if strings.Contains(" question-0 kiosk-2 dictation-1 picture-1 picture-spoken-6 text-0 text-2 ", " "+c.Name+" ") {
			cases = append(cases, c)
		}
	}
	if len(cases) != 7 {
		t.Fatalf("%d cases, want 7", len(cases))
	}
	_, want := answersOn(t, backendFlags{Backend: "cpu"}, cases)
	device, got := answersOn(t, backendFlags{Backend: "mlx", MLXLib: backendtest.Library(), MLXMemory: 4096, MLXCache: 256}, cases)
	if !strings.HasPrefix(device, "mlx ") {
		t.Errorf("served on %s", device)
	}
	for i, c := range cases {
		if got[i] != want[i] || got[i] == "" {
			t.Errorf("%s: %q on MLX, %q on the CPU", c.Name, got[i], want[i])
		}
	}
}
