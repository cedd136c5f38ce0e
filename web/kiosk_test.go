package web

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// asked asks a handler for one path.
func asked(h http.Handler, target string) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, target, nil))
	return answer
}

// pixel is a PNG of one pixel, as far as its kind can be told.
const pixel = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"

// kioskFolder is one with the files of a kiosk; it returns its settings.
func kioskFolder(t *testing.T, settings string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{"kiosk.json": settings, "map 1.png": pixel, "notes.txt": "hello"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "kiosk.json")
}

func TestTheKioskIsServedWithItsPictures(t *testing.T) {
	k, err := LoadKiosk(kioskFolder(t, `{"title": "Hello", "logo": "map 1.png", "idle": 30, "pages": [
		{"name": "map", "image": "map 1.png"}, {"name": "news", "url": "https://news.example/today"}, {"name": "old news", "url": "https://news.example/"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	h := New(k, []string{"https://*.good.example", "http://localhost:*"})
	page := asked(h, "/kiosk/")
	policy := page.Header().Get("Content-Security-Policy")
	if page.Code != 200 || !strings.Contains(page.Body.String(), "kiosk-page.js") || page.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("GET /kiosk/ = %d %v", page.Code, page.Header())
	}
	for _, want := range []string{"frame-ancestors https://*.good.example http://localhost:*;", "frame-src https://news.example", "script-src 'self'"} {
		if !strings.Contains(policy+";", want) {
			t.Errorf("the policy %q has no %q", policy, want)
		}
	}
	if moved := asked(h, "/kiosk?idle=5"); moved.Code != http.StatusMovedPermanently || moved.Header().Get("Location") != "kiosk/?idle=5" {
		t.Errorf("GET /kiosk = %d %v", moved.Code, moved.Header())
	}
	var settings struct {
		Version string
		Kiosk
	}
	if err := json.Unmarshal(asked(h, "/kiosk/settings.json").Body.Bytes(), &settings); err != nil {
		t.Fatal(err)
	}
	if settings.Title != "Hello" || settings.Idle != 30 || settings.Version == "" || settings.Pages[0].Image != settings.Logo {
		t.Errorf("settings = %+v", settings)
	}
	picture := asked(h, "/"+settings.Logo)
	if picture.Code != 200 || picture.Header().Get("Content-Type") != "image/png" || picture.Body.String() != pixel {
		t.Errorf("GET /%s = %d %v", settings.Logo, picture.Code, picture.Header())
	}
	var usual struct{ Version string }
	if err := json.Unmarshal(asked(Handler(), "/kiosk/settings.json").Body.Bytes(), &usual); err != nil || usual.Version == "" || usual.Version == settings.Version {
		t.Errorf("the usual kiosk has the version %q, %v", usual.Version, err)
	}
	if got := asked(Handler(), "/kiosk/").Header().Get("Content-Security-Policy"); !strings.Contains(got, "frame-ancestors 'none'") {
		t.Errorf("the usual kiosk may be framed: %q", got)
	}
}

func TestTheElementHasOneAddress(t *testing.T) {
	entry := asked(Handler(), "/agent.js")
	if !strings.Contains(entry.Body.String(), "./agent/element.js") || entry.Header().Get("Access-Control-Allow-Origin") != "*" || !strings.HasPrefix(entry.Header().Get("Content-Type"), "text/javascript") {
		t.Errorf("GET /agent.js: %v %s", entry.Header(), entry.Body)
	}
}

func TestAKioskThatIsSetUpWrongSaysWhat(t *testing.T) {
	for settings, want := range map[string]string{
		`{"titel": "Hello"}`:                                        "titel",
		`{"idle": "long"}`:                                          "idle",
		`{"idle": -1}`:                                              "negative",
		`{"sensitivity": 2}`:                                        "between 0 and 1",
		`{"theme": "blue"}`:                                         "light, dark or auto",
		`{"transport": "pigeon"}`:                                   "webrtc, websocket or auto",
		`{"logo": "none.png"}`:                                      "none.png",
		`{"logo": "../../etc/passwd"}`:                              "escapes",
		`{"logo": "notes.txt"}`:                                     "no picture",
		`{"pages": [{"title": "x"}]}`:                               "name of its own",
		`{"pages": [{"name": "x"}, {"name": "x"}]}`:                 "name of its own",
		`{"pages": [{"name": "x", "url": "javascript:alert()"}]}`:   "no address",
		`{"pages": [{"name": "x", "url": "https://a;script-src"}]}`: "page",
		`[`:                               "EOF",
		strings.Repeat(" ", 1<<20) + "{}": "longer than",
	} {
		if _, err := LoadKiosk(kioskFolder(t, settings)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, want %q in it", settings, err, want)
		}
	}
	if _, err := LoadKiosk("none.json"); err == nil {
		t.Error("a file that is not there is taken")
	}
	if _, err := LoadKiosk("../examples/kiosk-page/kiosk.json"); err != nil {
		t.Errorf("the example: %v", err)
	}
}

func FuzzKiosk(f *testing.F) {
	f.Add([]byte(`{"title": "Hello", "pages": [{"name": "x", "url": "https://a.example/"}]}`))
	f.Add([]byte(`{"hints": [null], "words": {"a": "b"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		k, err := parseKiosk(data)
		if err != nil {
			return
		}
		policy := asked(New(k, nil), "/kiosk/").Header().Get("Content-Security-Policy")
		if strings.Count(policy, ";") > strings.Count(kioskPolicy(nil, nil), ";")+1 || strings.ContainsAny(policy, "\r\n") {
			t.Errorf("%s makes the policy %q", data, policy)
		}
	})
}
