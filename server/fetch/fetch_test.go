package fetch

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"hark/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestOnlyAllowedPlacesAreReached(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "secret") }))
	defer other.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("/ok", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "picture") })
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, http.StatusFound) })
	mux.HandleFunc("/near", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/ok", http.StatusFound) })
	mux.HandleFunc("/round", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/round", http.StatusFound) })
	mux.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
	})
	mux.HandleFunc("/large", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, strings.Repeat("x", 101)) })
	site := httptest.NewServer(mux)
	defer site.Close()
	host := strings.TrimPrefix(site.URL, "http://")
	named, err := New([]string{host})
	if err != nil {
		t.Fatal(err)
	}
	any, err := New([]string{"*"})
	if err != nil {
		t.Fatal(err)
	}
	none, err := New(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		c    *Client
		url  string
		want error
	}{
		{named, site.URL + "/ok", nil},
		{named, site.URL + "/near", nil},
		{named, site.URL + "/large", ErrTooLarge},
		{named, site.URL + "/none", ErrFailed},
		{named, site.URL + "/away", ErrRefused},
		{named, site.URL + "/file", ErrRefused},
		{named, site.URL + "/round", ErrRefused},
		{named, other.URL, ErrRefused},
		{named, strings.Replace(site.URL, "http://", "http://user:pw@", 1) + "/ok", ErrRefused},
		{named, "file:///etc/passwd", ErrRefused},
		{named, "gopher://" + host, ErrRefused},
		{named, "http://[::1", ErrRefused},
		{named, site.URL + "/" + strings.Repeat("x", 5000), ErrRefused},
		{none, site.URL + "/ok", ErrRefused},
		{none, "https://example.com/x.png", ErrRefused},
		{any, site.URL + "/ok", ErrRefused},              // no public port
		{any, "http://127.0.0.1/ok", ErrRefused},         // no public address
		{any, "http://localhost/ok", ErrRefused},         // a name for it
		{any, "http://169.254.169.254/meta", ErrRefused}, // a cloud's metadata
		{any, "http://[::ffff:10.0.0.1]/", ErrRefused},   // in disguise
		{any, "https://[fd00::1]/", ErrRefused},
		{any, "https://example.com:8443/x", ErrRefused}, // no public port
		{any, "http://0.0.0.0/", ErrRefused},
		{any, "http://100.64.0.1/", ErrRefused},        // a carrier's
		{any, "http://[64:ff9b::7f00:1]/", ErrRefused}, // 127.0.0.1 behind a translator
		{any, "http://[2002:7f00:1::]/ok", ErrRefused}, // and in a tunnel
		{any, "http://198.18.0.1:80/", ErrRefused},
		{any, "http://user@example.com/x.png", ErrRefused},
	} {
		data, err := tt.c.Get(t.Context(), tt.url, 100)
		if !errors.Is(err, tt.want) {
			t.Errorf("%.60s: %v, want %v", tt.url, err, tt.want)
		}
		if tt.want == nil && string(data) != "picture" {
			t.Errorf("%s: %q", tt.url, data)
		}
	}
	for _, bad := range []string{"", "http://x", "[x"} {
		if _, err := New([]string{bad}); err == nil {
			t.Errorf("host %q: no error", bad)
		}
	}
}

func TestPublicAddresses(t *testing.T) {
	for addr, want := range map[string]bool{
		"8.8.8.8": true, "2606:4700::1111": true, "10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false, "127.0.0.1": false,
		"169.254.1.1": false, "224.0.0.1": false, "255.255.255.255": false, "::": false, "::1": false, "fe80::1": false, "fc00::1": false,
		"::ffff:8.8.8.8": true, "::ffff:192.168.0.1": false,
	} {
		if got := public(netip.MustParseAddr(addr)); got != want {
			t.Errorf("public(%s) = %v", addr, got)
		}
	}
}
