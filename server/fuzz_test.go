package server

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"hark/engine"
	"hark/engine/chat"
	"hark/media/rtc"
	"hark/session"
)

// parrot is an engine that answers everything with two words.
type parrot struct{ *puppet }

func (p parrot) OpenWait(context.Context, engine.Class) (session.Sequence, error) {
	return parrotSequence{&pull{p.puppet}}, nil
}

func (p parrot) Parser(session.Prompt, chat.Options) chat.Parser { return p.puppet }

type parrotSequence struct{ *pull }

func (parrotSequence) Close() error { return nil }

func (parrotSequence) Generate(context.Context, engine.Generate) iter.Seq2[engine.Token, error] {
	return func(yield func(engine.Token, error) bool) {
		for _, t := range []engine.Token{{Text: "Pretty "}, {Text: "Polly."}, {Text: "CALL"}, {Stop: engine.StopEOS}} {
			if !yield(t, nil) {
				return
			}
		}
	}
}

// FuzzBodies sends bodies to every operation that takes one. Each answer is a
// success or a documented error, and the errors have their shape.
func FuzzBodies(f *testing.F) {
	for _, body := range []string{
		`{"messages":[{"role":"user","content":[{"type":"text","text":"hi"},{"type":"image_url","image_url":"data:,x"}]}],"stream":true,"stop":["x"]}`,
		`{"messages":[{"role":"tool","content":"1","tool_call_id":"c"}],"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"required"}`,
		`{"input":[{"role":"user","content":[{"type":"input_text","text":"hi"}]},{"type":"function_call_output","call_id":"c","output":"x"}],"store":true}`,
		`{"input":"hi","text":{"format":{"type":"json_schema","schema":{}}},"previous_response_id":"resp_x"}`,
		`{"input":"hi","voice":{"id":"x"},"response_format":"wav"}`,
		`{"session":{"type":"realtime","audio":{"input":{"turn_detection":null}}},"expires_after":{"seconds":10}}`,
		"--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nRIFF\r\n--x--\r\n",
		"--x\r\nContent-Disposition: form-data; name=\"sdp\"\r\n\r\nv=0\r\n--x\r\nContent-Disposition: form-data; name=\"session\"\r\n\r\n{}\r\n--x--\r\n",
		fixture(f),
	} {
		for operation := range uint8(24) {
			f.Add(operation, []byte(body))
		}
	}
	s, err := New(Options{Engine: parrot{newPuppet()}, Speaker: hummer{}, Limits: Limits{Sessions: 1 << 20}})
	if err != nil {
		f.Fatal(err)
	}
	if s.calls.host, err = rtc.NewHost(rtc.Options{Addr: "127.0.0.1:0", ConnectTimeout: time.Second}); err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { s.Close() })
	var paths []string
	for _, rt := range s.table() {
		if rt.method == "POST" {
			paths = append(paths, rt.path)
		}
	}
	statuses := []int{200, 201, 400, 404, 413}
	f.Fuzz(func(t *testing.T, operation uint8, body []byte) {
		path := paths[int(operation)%len(paths)]
		r := httptest.NewRequest("POST", "http://127.0.0.1:8080"+path, bytes.NewReader(body))
		r.RemoteAddr = "127.0.0.1:50000"
		if bytes.HasPrefix(body, []byte("--x")) || strings.HasSuffix(path, "transcriptions") {
			r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if !slices.Contains(statuses, w.Code) {
			t.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
		var e apiError
		if w.Code > 201 && (json.Unmarshal(w.Body.Bytes(), &e) != nil || e.Error.Message == "" || e.Error.Code == nil) {
			t.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
	})
}
