package server

import (
	"net/http"
	"strings"
	"testing"
)

func TestOriginPatterns(t *testing.T) {
	for _, tt := range []struct {
		pattern, origin string
		want            bool
	}{
		{"https://example.com", "https://example.com", true},
		{"https://Example.com/", "https://example.com", true},
		{"https://example.com:443", "https://example.com", true},
		{"https://example.com", "http://example.com", false},
		{"https://example.com", "https://example.com:8443", false},
		{"https://example.com", "https://example.com.evil.example", false},
		{"https://example.com", "https://evilexample.com", false},
		{"https://*.example.com", "https://a.example.com", true},
		{"https://*.example.com", "https://a.b.example.com", true},
		{"https://*.example.com", "https://example.com", false},
		{"https://*.example.com", "https://.example.com", false},
		{"https://*.example.com", "https://aexample.com", false},
		{"https://*.example.com", "https://a.example.com:1", false},
		{"https://*.example.com", "https://evil.example/.example.com", false},
		{"https://*.example.com", "https://evil@a.example.com", false},
		{"http://localhost:*", "http://localhost:5173", true},
		{"http://localhost:*", "http://localhost", true},
		{"http://localhost:*", "https://localhost:5173", false},
		{"http://[::1]:9000", "http://[::1]:9000", true},
		{"http://[::1]:*", "http://[::1]:9", true},
		{"http://[::1]", "http://[::2]", false},
		{"capacitor://localhost", "capacitor://localhost", true},
		{"*", "https://anywhere.example:1", true},
		{"*", "null", true},
		{"*", "nonsense", false},
		{"https://example.com", "null", false},
		{"https://*.example.com", "https://*.example.com", false},
	} {
		s, err := New(Options{Keys: []string{"k"}, Origins: []string{tt.pattern}})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.allowed(tt.origin); got != tt.want {
			t.Errorf("%s lets %s in: %v, want %v", tt.pattern, tt.origin, got, tt.want)
		}
		s.Close()
	}
	for _, bad := range []string{"", "example.com", "https://", "https://*", "https://*.", "https://a.*.example.com", "https://example.com/path",
		"https://example.com:0", "https://example.com:http", "https://example.com; script-src *", "https://[::1", "https://a b", "://x", "1://x", "null"} {
		if s, err := New(Options{Keys: []string{"k"}, Origins: []string{bad}}); err == nil {
			t.Errorf("the pattern %q is taken", bad)
			s.Close()
		}
	}
	if _, err := New(Options{Origins: []string{"*"}}); err == nil || !strings.Contains(err.Error(), "API key") {
		t.Errorf("every origin without a key: %v, want a refusal", err)
	}
}

// TestAForeignPageCanReadWhyItMayNot holds for the component: it shows the
// reason instead of nothing.
func TestAForeignPageCanReadWhyItMayNot(t *testing.T) {
	s, err := New(Options{Engine: silent(t), Origins: []string{"http://good.example"}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	w := status(s, func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") })
	if w.Code != 403 || w.Header().Get("Access-Control-Allow-Origin") != "http://evil.example" || !strings.Contains(w.Body.String(), "--allow-origin http://evil.example") {
		t.Errorf("refusal: %d %v %s", w.Code, w.Header(), w.Body)
	}
	w = status(s, func(r *http.Request) {
		r.Method = "OPTIONS"
		r.Header.Set("Origin", "http://evil.example")
	})
	if w.Code != 403 || w.Header().Get("Access-Control-Allow-Headers") != "" {
		t.Errorf("preflight of a foreign page: %d %v", w.Code, w.Header())
	}
	w = status(s, func(r *http.Request) {
		r.Method = "OPTIONS"
		r.Header.Set("Origin", "http://good.example")
		r.Header.Set("Access-Control-Request-Headers", "authorization,openai-beta, x-stainless-os,x-evil")
	})
	if got := w.Header().Get("Access-Control-Allow-Headers"); w.Code != 204 || !strings.HasSuffix(got, "openai-beta, x-stainless-os") {
		t.Errorf("preflight: %d %q", w.Code, got)
	}
}

func FuzzParseOrigin(f *testing.F) {
	for _, s := range []string{"*", "https://*.example.com:*", "http://[::1]:80", "null", "a://b:c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		o, err := parseOrigin(s)
		if err == nil && strings.ContainsAny(o.scheme+o.host+o.port, " ;,'\"\\/?#@") {
			t.Errorf("%q became %+v", s, o)
		}
	})
}
