// Package certs gives a server its TLS certificate: from files, read again when
// they change, or one that it signs itself, keeps, and renews in time.
//
// Start reading at SelfSigned.
package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	life       = 397 * 24 * time.Hour // the longest that browsers take
	renewAt    = 30 * 24 * time.Hour  // before its end
	lookEvery  = time.Minute          // for changes of the files
	maxHosts   = 32                   // names and addresses of a certificate
	backdating = time.Hour            // for clients whose clocks are late
)

// Source has a certificate, and the next one when its time has come. It is safe
// for concurrent use.
type Source struct {
	certFile, keyFile string
	hosts             []string // of a certificate of our own, nil for others
	now               func() time.Time

	mu      sync.Mutex
	current *tls.Certificate
	looked  time.Time
	changed time.Time // of certFile, as it was read
}

// Files takes the certificate, with its chain, and the key from PEM files.
func Files(certFile, keyFile string) (*Source, error) {
	s := &Source{certFile: certFile, keyFile: keyFile, now: time.Now}
	return s, s.load()
}

// SelfSigned takes a certificate that it made earlier for these hosts, names or
// addresses, from a folder, or makes one there. A new certificate has the old
// one's key, and its hosts beside the new ones.
func SelfSigned(dir string, hosts []string) (*Source, error) {
	return selfSigned(dir, hosts, time.Now)
}

func selfSigned(dir string, hosts []string, now func() time.Time) (*Source, error) {
	s := &Source{certFile: filepath.Join(dir, "cert.pem"), keyFile: filepath.Join(dir, "key.pem"), hosts: hosts, now: now}
	if len(hosts) == 0 {
		return nil, errors.New("certs: no hosts")
	}
	err := s.load()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = s.make(nil)
	case err == nil && !s.fits():
		err = s.make(s.current)
	}
	return s, err
}

// File returns the path of the certificate, for clients to trust.
func (s *Source) File() string { return s.certFile }

// Fingerprint returns the SHA-256 of the certificate as browsers show it.
func (s *Source) Fingerprint() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := sha256.Sum256(s.current.Leaf.Raw)
	return strings.ReplaceAll(fmt.Sprintf("% X", sum[:]), " ", ":")
}

// Config returns the TLS settings of a server with this certificate.
func (s *Source) Config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return s.certificate(), nil },
	}
}

// certificate returns the certificate for a handshake. One that cannot be
// replaced serves on: its clients will say so.
func (s *Source) certificate() *tls.Certificate {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if now.Sub(s.looked) < lookEvery {
		return s.current
	}
	s.looked = now
	if info, err := os.Stat(s.certFile); err == nil && !info.ModTime().Equal(s.changed) {
		_ = s.load()
	}
	if s.hosts != nil && !s.fits() {
		_ = s.make(s.current)
	}
	return s.current
}

// load reads the files.
func (s *Source) load() error {
	info, err := os.Stat(s.certFile)
	if err != nil {
		return fmt.Errorf("certs: %w", err)
	}
	pair, err := tls.LoadX509KeyPair(s.certFile, s.keyFile)
	if err != nil {
		return fmt.Errorf("certs: %w", err)
	}
	s.current, s.changed, s.looked = &pair, info.ModTime(), s.now()
	return nil
}

// fits reports whether the certificate has all hosts and some time left.
func (s *Source) fits() bool {
	leaf := s.current.Leaf
	for _, h := range s.hosts {
		if leaf.VerifyHostname(h) != nil {
			return false
		}
	}
	return leaf.NotAfter.Sub(s.now()) > renewAt
}

// make makes a certificate and keeps it. old, if not nil, gives its key and its
// hosts.
func (s *Source) make(old *tls.Certificate) error {
	hosts := slices.Clone(s.hosts)
	var key crypto.Signer
	if old != nil {
		key, _ = old.PrivateKey.(crypto.Signer)
		hosts = append(hosts, old.Leaf.DNSNames...)
		for _, ip := range old.Leaf.IPAddresses {
			hosts = append(hosts, ip.String())
		}
	}
	if key == nil {
		var err error
		if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return fmt.Errorf("certs: %w", err)
		}
	}
	der, err := sign(hosts, key, s.now())
	if err != nil {
		return fmt.Errorf("certs: %w", err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("certs: %w", err)
	}
	err = errors.Join(os.MkdirAll(filepath.Dir(s.certFile), 0o700),
		keep(s.keyFile, "PRIVATE KEY", secret, 0o600), keep(s.certFile, "CERTIFICATE", der, 0o644))
	if err != nil {
		return fmt.Errorf("certs: %w", err)
	}
	return s.load()
}

// sign makes a certificate for hosts. The first is its name for people.
func sign(hosts []string, key crypto.Signer, now time.Time) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: "hark on " + hosts[0]},
		NotBefore:             now.Add(-backdating),
		NotAfter:              now.Add(life - backdating),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	seen := map[string]bool{}
	for _, h := range hosts {
		if seen[h] || len(seen) == maxHosts {
			continue
		}
		seen[h] = true
		if ip := net.ParseIP(h); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
	return x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
}

// keep writes a PEM file, whole or not at all.
func keep(path, kind string, der []byte, mode fs.FileMode) error {
	next := path + ".new"
	if err := os.WriteFile(next, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode); err != nil {
		return err
	}
	return os.Rename(next, path)
}

// Hosts returns what this machine is called: its name, the same with .local,
// localhost, and its addresses.
func Hosts() []string {
	var hosts []string
	if name, err := os.Hostname(); err == nil && name != "" {
		if hosts = append(hosts, name); !strings.Contains(name, ".") {
			hosts = append(hosts, name+".local")
		}
	}
	hosts = append(hosts, "localhost", "127.0.0.1", "::1")
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return hosts
	}
	for _, a := range addrs {
		n, ok := a.(*net.IPNet)
		if ok && n.IP.IsGlobalUnicast() && len(hosts) < maxHosts {
			hosts = append(hosts, n.IP.String())
		}
	}
	return hosts
}
