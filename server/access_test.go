package server

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"hark/server/certs"
	"hark/server/keys"
	"hark/session"
	"hark/session/realtime"
)

// keyFile makes a file with one key, and returns both.
func keyFile(t *testing.T, change func(*keys.Key)) (path, secret string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "keys.json")
	k, secret := keys.Make("test")
	change(&k)
	if err := keys.Change(path, func(list []keys.Key) ([]keys.Key, error) { return append(list, k), nil }); err != nil {
		t.Fatal(err)
	}
	return path, secret
}

// dialKey opens a session with a key, which browsers send as a subprotocol. It
// returns nil and the status if that is refused.
func dialKey(t *testing.T, url, key string) (*caller, int) {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	conn, resp, err := websocket.Dial(t.Context(), url+"/v1/realtime", &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: transport}, Subprotocols: []string{"realtime", "openai-insecure-api-key." + key}})
	if err != nil {
		if resp == nil {
			t.Fatal(err)
		}
		return nil, resp.StatusCode
	}
	if conn.Subprotocol() != "realtime" {
		t.Errorf("subprotocol %q", conn.Subprotocol())
	}
	return newCaller(t, conn), 101
}

func TestSecretOpensSessionsAsConfigured(t *testing.T) {
	path, key := keyFile(t, func(k *keys.Key) { k.Sessions = 2 })
	s, url := serve(t, Options{Engine: newPuppet(), KeyFile: path, Instructions: "Be brief."})
	c := newClient(t, url, key)
	made := ask[struct {
		Value   string
		Expires int64 `json:"expires_at"`
		Session map[string]any
	}](c, "POST", "/v1/realtime/client_secrets", `{"expires_after":{"anchor":"created_at","seconds":60},
		"session":{"type":"realtime","model":"gpt-realtime","instructions":"Be kind.","tools":[{"type":"function","name":"f"}],"audio":{"input":{"turn_detection":null}}}}`)
	life := made.Expires - time.Now().Unix()
	if !strings.HasPrefix(made.Value, "ek_") || life < 55 || life > 60 || made.Session["instructions"] != "Be kind." || made.Session["model"] != "gpt-realtime" ||
		made.Session["object"] != "realtime.session" {
		t.Errorf("%+v", made)
	}
	first, _ := dialKey(t, url, made.Value)
	ev := first.until("session.created")
	if ev.Session.Instructions != "Be kind." || ev.Session.Model != "gpt-realtime" {
		t.Errorf("session %+v", ev.Session)
	}
	second, _ := dialKey(t, url, made.Value)
	second.until("session.created")
	if _, status := dialKey(t, url, made.Value); status != 429 {
		t.Errorf("a third session of a key that may have two: %d", status)
	}
	newClient(t, url, made.Value).refused("GET", "/v1/models", nil, 401, "invalid_api_key", "")
	newClient(t, url, made.Value).refused("POST", "/v1/realtime/client_secrets", `{}`, 401, "invalid_api_key", "")
	newClient(t, url, "ek_made_up").refused("GET", "/v1/realtime", nil, 401, "invalid_api_key", "")

	old := ask[struct {
		Secret struct{ Value string } `json:"client_secret"`
		Object string
	}](c, "POST", "/v1/realtime/sessions", `{"modalities":["text"],"voice":"alloy"}`)
	if !strings.HasPrefix(old.Secret.Value, "ek_") || old.Object != "realtime.session" {
		t.Errorf("the older form: %+v", old)
	}
	late, err := s.secrets.Make(keys.Secret{Expires: time.Now().Add(-time.Second), Value: &sessionConfig{}}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, status := dialKey(t, url, late); status != 401 {
		t.Errorf("an expired secret: %d", status)
	}
	if err := keys.Change(path, func([]keys.Key) ([]keys.Key, error) { return nil, nil }); err != nil {
		t.Fatal(err)
	}
	if _, status := dialKey(t, url, made.Value); status != 401 {
		t.Errorf("a secret of a key that was revoked: %d", status)
	}
	c.refused("GET", "/v1/models", nil, 401, "invalid_api_key", "")
}

func TestSecretFaultsAreNamed(t *testing.T) {
	_, url := serve(t, Options{Engine: newPuppet()})
	c := newClient(t, url, "")
	for body, want := range map[string][2]string{
		`{"session":{"audio":{"input":{"format":{"type":"audio/x"}}}}}`: {"invalid_value", "session.audio.input.format.type"},
		`{"session":{"type":"other"}}`:                                  {"invalid_value", "session.type"},
		`{"session":7}`:                                                 {"invalid_type", "session"},
		`{"expires_after":{"seconds":5}}`:                               {"invalid_value", "expires_after.seconds"},
		`{"session":{"instructions":"` + strings.Repeat("x", session.MaxEventBytes) + `"}}`: {realtime.CodeTooLong, "session"},
	} {
		c.refused("POST", "/v1/realtime/client_secrets", body, 400, want[0], want[1])
	}
	c.refused("POST", "/v1/realtime/sessions", `{"input_audio_format":"x"}`, 400, "invalid_value", "input_audio_format")
	if _, status := dialKey(t, url, "ek_anything"); status != 101 {
		t.Errorf("without keys any secret but an expired one is good: %d", status)
	}
}

func TestKeyHasItsRequestsAMinute(t *testing.T) {
	path, key := keyFile(t, func(k *keys.Key) { k.RequestsPerMinute = 2 })
	_, url := serve(t, Options{Engine: newPuppet(), KeyFile: path, Keys: []string{"free"}})
	c := newClient(t, url, key)
	for i, left := range []string{"1", "0"} {
		if resp := c.do("GET", "/v1/models", nil); resp.StatusCode != 200 || resp.Header.Get("X-Ratelimit-Remaining-Requests") != left {
			t.Errorf("request %d: %d, %s left", i, resp.StatusCode, resp.Header.Get("X-Ratelimit-Remaining-Requests"))
		}
	}
	resp := c.do("GET", "/v1/models", nil)
	var e apiError
	if err := json.NewDecoder(resp.Body).Decode(&e); err != nil || resp.StatusCode != 429 || resp.Header.Get("Retry-After") == "" || *e.Error.Code != "rate_limit_exceeded" {
		t.Errorf("the third: %d %v %+v, %v", resp.StatusCode, resp.Header, e, err)
	}
	newClient(t, url, "free").read("GET", "/v1/models", nil, 200)
}

func TestWrongMethodsAreTold(t *testing.T) {
	_, url := serve(t, Options{Engine: newPuppet()})
	c := newClient(t, url, "")
	for _, tt := range []struct{ method, path, allow string }{
		{"GET", "/v1/chat/completions", "POST"}, {"PUT", "/v1/responses/x", "DELETE, GET"}, {"POST", "/v1/models/a/b", "GET"},
		{"POST", "/health", "GET"}, {"DELETE", "/metrics", "GET"}, {"OPTIONS", "/v1/models", "GET"},
	} {
		resp := c.do(tt.method, tt.path, nil)
		if resp.StatusCode != 405 || resp.Header.Get("Allow") != tt.allow {
			t.Errorf("%s %s: %d, allows %q", tt.method, tt.path, resp.StatusCode, resp.Header.Get("Allow"))
		}
	}
}

// A client that trusts the certificate's file talks over https and wss.
func TestSelfSignedServer(t *testing.T) {
	cert, err := certs.SelfSigned(t.TempDir(), certs.Hosts())
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{Engine: newPuppet(), Addr: "127.0.0.1:0", TLS: cert.Config(), Keys: []string{"k"}})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Serve(ln); err != nil {
			t.Error(err)
		}
	})
	defer wg.Wait()
	defer s.Close()
	pem, err := os.ReadFile(cert.File())
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	h := &http.Client{Transport: transport}
	_, port, _ := strings.Cut(ln.Addr().String(), ":")
	c := &client{t, "https://localhost:" + port, "k", h}
	if resp := c.do("GET", "/v1/models", nil); resp.StatusCode != 200 || resp.ProtoMajor != 2 {
		t.Errorf("%d over %s", resp.StatusCode, resp.Proto)
	}
	conn, _, err := websocket.Dial(t.Context(), "wss://127.0.0.1:"+port+"/v1/realtime", &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}, HTTPHeader: http.Header{"Api-Key": {"k"}}})
	if err != nil {
		t.Fatal(err)
	}
	newCaller(t, conn).until("session.created")
}

func TestSessionsLearnTheirLimits(t *testing.T) {
	path, secret := keyFile(t, func(k *keys.Key) { k.RequestsPerMinute = 60 })
	s, err := New(Options{Engine: silent(t), KeyFile: path})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	h, err := s.keys.Find(secret)
	if err != nil {
		t.Fatal(err)
	}
	for range 15 {
		h.Request(time.Now())
	}
	got := s.sessionOptions(t.Context(), sender{holder: h}).RateLimits()
	if len(got) != 1 || got[0].Limit != 60 || got[0].Remaining != 45 || got[0].ResetSeconds != 15 || got[0] == (realtime.RateLimit{}) {
		t.Errorf("%+v", got)
	}
}
