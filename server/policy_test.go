package server

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestServersForStrangersNeedKeys(t *testing.T) {
	for _, tt := range []struct {
		addr string
		keys []string
		ok   bool
	}{
		{"", nil, true},
		{"127.0.0.1:0", nil, true},
		{"127.8.9.10:80", nil, true},
		{"[::1]:80", nil, true},
		{"[::ffff:127.0.0.1]:80", nil, true},
		{"localhost:80", nil, true},
		{":8080", nil, false},
		{"0.0.0.0:8080", nil, false},
		{"[::]:8080", nil, false},
		{"192.168.1.5:80", nil, false},
		{"kiosk.local:80", nil, false},
		{"127.0.0.1", nil, false},
		{"0.0.0.0:8080", []string{"k"}, true},
		{"kiosk.local:80", []string{"k"}, true},
		{"127.0.0.1:0", []string{""}, false},
		{"127.0.0.1:0", []string{" k"}, false},
	} {
		_, err := New(Options{Engine: silent(t), Addr: tt.addr, Keys: tt.keys})
		if (err == nil) != tt.ok {
			t.Errorf("address %q with keys %q: %v, want ok %v", tt.addr, tt.keys, err, tt.ok)
		}
	}
	if _, err := New(Options{Engine: silent(t), Addr: ":8080"}); err == nil || !strings.Contains(err.Error(), "API key") {
		t.Errorf("the refusal %v does not say what to do", err)
	}
}

func TestListenerForStrangersIsRefusedWithoutKeys(t *testing.T) {
	s, err := New(Options{Engine: silent(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ln, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(ln); err == nil || !strings.Contains(err.Error(), "API key") {
		t.Errorf("Serve = %v, want a refusal", err)
	}
}

func TestBadOptionsAreRefused(t *testing.T) {
	for _, o := range []Options{
		{Engine: silent(t), Origins: []string{"example.com"}},
		{Engine: silent(t), Origins: []string{"http://[x"}},
		{Engine: silent(t), Limits: Limits{Sessions: -1}},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("New(%+v): no error", o)
		}
	}
}

// status asks a server without a network.
func status(s *Server, change func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "http://127.0.0.1:8080/v1/models", nil)
	r.RemoteAddr = "127.0.0.1:50000"
	change(r)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func TestWhoMayComeIn(t *testing.T) {
	open, err := New(Options{Engine: silent(t)})
	if err != nil {
		t.Fatal(err)
	}
	keyed, err := New(Options{Engine: silent(t), Addr: "0.0.0.0:1", Keys: []string{"first", "second"}, Origins: []string{"https://*.good.example"}})
	if err != nil {
		t.Fatal(err)
	}
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for _, tt := range []struct {
		name   string
		s      *Server
		change func(*http.Request)
		want   int
	}{
		{"this machine", open, func(*http.Request) {}, 200},
		{"another machine", open, func(r *http.Request) { r.RemoteAddr = "10.0.0.7:1" }, 401},
		{"a name that resolves to us", open, func(r *http.Request) { r.Host = "evil.example:8080" }, 401},
		{"a page of ours", open, header("Origin", "http://127.0.0.1:8080"), 200},
		{"a foreign page", open, header("Origin", "http://evil.example"), 403},
		{"a foreign page on another port", open, header("Origin", "http://127.0.0.1:9090"), 403},
		{"a file", open, header("Origin", "null"), 403},
		{"no key", keyed, func(*http.Request) {}, 401},
		{"bearer", keyed, header("Authorization", "Bearer second"), 200},
		{"bearer in lower case", keyed, header("Authorization", "bearer first"), 200},
		{"wrong key", keyed, header("Authorization", "Bearer third"), 401},
		{"part of a key", keyed, header("Authorization", "Bearer firs"), 401},
		{"basic", keyed, header("Authorization", "Basic Zmlyc3Q="), 401},
		{"api-key header", keyed, header("api-key", "first"), 200},
		{"api-key query", keyed, func(r *http.Request) { r.URL.RawQuery = "api-key=first" }, 200},
		{"subprotocol", keyed, header("Sec-WebSocket-Protocol", "realtime, openai-insecure-api-key.first"), 200},
		{"wrong subprotocol", keyed, header("Sec-WebSocket-Protocol", "realtime, openai-insecure-api-key.x"), 401},
		{"a foreign page with a key", keyed, func(r *http.Request) {
			r.Header.Set("Authorization", "Bearer first")
			r.Header.Set("Origin", "https://evil.example")
		}, 403},
		{"an allowed page with a key", keyed, func(r *http.Request) {
			r.Header.Set("Authorization", "Bearer first")
			r.Header.Set("Origin", "https://app.good.example")
		}, 200},
		{"an allowed page without a key", keyed, header("Origin", "https://app.good.example"), 401},
		{"preflight of an allowed page", keyed, func(r *http.Request) {
			r.Method = "OPTIONS"
			r.Header.Set("Origin", "https://app.good.example")
		}, 204},
		{"preflight of a foreign page", keyed, func(r *http.Request) {
			r.Method = "OPTIONS"
			r.Header.Set("Origin", "https://evil.example")
		}, 403},
	} {
		w := status(tt.s, tt.change)
		if w.Code != tt.want {
			t.Errorf("%s: status %d, want %d: %s", tt.name, w.Code, tt.want, w.Body)
		}
		if w.Code >= 400 {
			var e apiError
			if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || e.Error.Message == "" || e.Error.Code == nil {
				t.Errorf("%s: body %s, want an error object", tt.name, w.Body)
			}
		}
	}
	w := status(keyed, header("Origin", "https://app.good.example"))
	if w.Header().Get("Access-Control-Allow-Origin") != "https://app.good.example" || w.Header().Get("Vary") != "Origin" {
		t.Errorf("headers for an allowed page: %v", w.Header())
	}
}

func TestHealthAndPageNeedNoKey(t *testing.T) {
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("page " + r.URL.Path)) })
	s, err := New(Options{Engine: silent(t), Keys: []string{"k"}, Page: page, Model: "demo"})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/":         "page /",
		"/app.js":   "page /app.js",
		"/health":   `{"status":"ok","model":"demo"`,
		"/ready":    `{"status":"ready"}`,
		"/v1/other": `{"error":{"message":"this server needs an API key`,
	} {
		w := status(s, func(r *http.Request) { r.URL.Path = path })
		if !strings.HasPrefix(w.Body.String(), want) {
			t.Errorf("%s: %s, want %s", path, w.Body, want)
		}
	}
	s.Close()
	for path, want := range map[string]int{"/health": 200, "/ready": 503} {
		if w := status(s, func(r *http.Request) { r.URL.Path = path }); w.Code != want {
			t.Errorf("%s of a closed server: %d, want %d", path, w.Code, want)
		}
	}
}

func TestModels(t *testing.T) {
	s, err := New(Options{Engine: silent(t), Model: "google/gemma"})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/v1/models":              `{"object":"list","data":[{"id":"google/gemma","object":"model","created":`,
		"/v1/models/google/gemma": `{"id":"google/gemma","object":"model","created":`,
		"/v1/models/other":        `{"error":{"message":"the model here is google/gemma","type":"invalid_request_error","param":"model","code":"model_not_found"}}`,
		"/v1/nothing":             `{"error":{"message":"there is nothing at GET /v1/nothing"`,
	} {
		w := status(s, func(r *http.Request) { r.URL.Path = path })
		if !strings.HasPrefix(w.Body.String(), want) || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: %s, want %s", path, w.Body, want)
		}
	}
}

func TestServerIsAliveBeforeItsModel(t *testing.T) {
	s, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	get := func(path string, code int, want string) {
		t.Helper()
		w := status(s, func(r *http.Request) { r.URL.Path = path })
		if w.Code != code || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	get("/health", 200, `"ok"`)
	get("/ready", 503, `"loading"`)
	get("/v1/models", 503, `"model_loading"`)
	get("/v1/realtime", 503, `"model_loading"`)
	get("/metrics", 200, "hark_sessions 0")
	s.Open(Model{Engine: silent(t)})
	get("/ready", 200, `"ready"`)
	get("/v1/models", 200, `"puppet"`)
}
