package certs

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// clock is a time that tests set.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

// get asks a server with a certificate, trusting what is in its file.
func get(t *testing.T, s *Source, host string) *x509.Certificate {
	t.Helper()
	pem, err := os.ReadFile(s.File())
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	ln, err := tls.Listen("tcp", "127.0.0.1:0", s.Config())
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.NotFoundHandler()}
	var wg sync.WaitGroup
	wg.Go(func() { server.Serve(ln) })
	defer wg.Wait()
	defer server.Close()
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: host, Time: s.now}}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get("https://" + ln.Addr().String())
	if err != nil {
		t.Fatalf("as %s: %v", host, err)
	}
	defer resp.Body.Close()
	return resp.TLS.PeerCertificates[0]
}

func TestCertificateIsKeptAndRenewed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	c := &clock{time.Now().Truncate(time.Second)}
	hosts := []string{"kiosk", "localhost", "127.0.0.1", "::1"}
	s, err := selfSigned(dir, hosts, c.now)
	if err != nil {
		t.Fatal(err)
	}
	first := get(t, s, "kiosk")
	get(t, s, "127.0.0.1")
	if info, err := os.Stat(s.keyFile); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key's file: %v, %v", info.Mode(), err)
	}
	if s.Fingerprint() == "" || len(s.Fingerprint()) != 32*3-1 {
		t.Errorf("fingerprint %q", s.Fingerprint())
	}
	again, err := selfSigned(dir, hosts, c.now)
	if err != nil || again.Fingerprint() != s.Fingerprint() {
		t.Errorf("the second start made another certificate, %v", err)
	}
	c.at = c.at.Add(life - renewAt + time.Hour) // while it serves
	renewed := get2(t, s)
	if renewed.Equal(first) || !bytes.Equal(renewed.RawSubjectPublicKeyInfo, first.RawSubjectPublicKeyInfo) || !renewed.NotAfter.After(c.at.Add(life/2)) {
		t.Error("not renewed with the same key")
	}
	more, err := selfSigned(dir, []string{"kiosk", "10.0.0.7"}, c.now)
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"10.0.0.7", "localhost", "kiosk"} {
		get(t, more, host)
	}
	if _, err := selfSigned(dir, nil, c.now); err == nil {
		t.Error("no hosts: no error")
	}
}

// get2 asks twice: the first request finds the certificate old.
func get2(t *testing.T, s *Source) *x509.Certificate {
	t.Helper()
	s.certificate()
	return get(t, s, "localhost")
}

func TestFilesAreReadAgain(t *testing.T) {
	one, other := t.TempDir(), t.TempDir()
	for _, dir := range []string{one, other} {
		if _, err := SelfSigned(dir, []string{"localhost"}); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Files(filepath.Join(one, "cert.pem"), filepath.Join(one, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	c := &clock{time.Now()}
	s.now = c.now
	first := s.Fingerprint()
	for _, name := range []string{"key.pem", "cert.pem"} {
		if err := os.Rename(filepath.Join(other, name), filepath.Join(one, name)); err != nil {
			t.Fatal(err)
		}
	}
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(s.certFile, later, later); err != nil {
		t.Fatal(err)
	}
	c.at = c.at.Add(2 * lookEvery)
	if s.certificate(); s.Fingerprint() == first {
		t.Error("the new files are not read")
	}
	if _, err := Files(s.certFile, filepath.Join(one, "none")); err == nil {
		t.Error("no key: no error")
	}
}

func TestHostsAreThisMachine(t *testing.T) {
	hosts := Hosts()
	for _, want := range []string{"localhost", "127.0.0.1", "::1"} {
		found := false
		for _, h := range hosts {
			found = found || h == want
		}
		if !found {
			t.Errorf("%v lack %s", hosts, want)
		}
	}
}
