// Package hub brings checkpoints from a model hub onto this machine and finds
// them again.
//
// What it fetches lies in the cache that other programs for the hub use as
// well, in the same layout, under the same locks:
//
//	models--OWNER--NAME/blobs/<digest>             the content of a file
//	models--OWNER--NAME/snapshots/<commit>/<file>  a link to a blob
//	models--OWNER--NAME/refs/<revision>            the commit of a branch
//	.locks/models--OWNER--NAME/<digest>.lock       who is fetching it
//
// A blob has its name only after its digest was checked. While it comes in it
// is called <digest>.incomplete, and a later pull goes on where that ends.
//
// Start reading at Hub.Pull; Resolve finds what was pulled.
package hub

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// DefaultEndpoint is the public hub.
const DefaultEndpoint = "https://huggingface.co"

// Options say where the hub and the cache are. The zero value is the public
// hub without a token; only Resolve and Models work without a Cache.
type Options struct {
	// Endpoint is the address of the hub; "" is DefaultEndpoint.
	Endpoint string
	// Token is sent to the Endpoint, and to no other host.
	Token string
	// Cache is the folder of the cache.
	Cache string
	// Offline refuses to talk to the hub.
	Offline bool
	// Stall is how long a server may send nothing before the connection is
	// given up for a new one; 0 is 30 s.
	Stall time.Duration
	// Transport makes the requests; nil is one like http.DefaultTransport.
	Transport http.RoundTripper
}

// Environment returns the Options that the environment asks for, by the rules
// that all programs for the hub share: HF_ENDPOINT, HF_HUB_CACHE, HF_HOME,
// HF_TOKEN, HF_TOKEN_PATH and HF_HUB_OFFLINE. getenv is os.Getenv; home is the
// user's folder.
func Environment(getenv func(string) string, home string) Options {
	first := func(names ...string) string {
		for _, name := range names {
			if value := strings.TrimSpace(getenv(name)); value != "" {
				return value
			}
		}
		return ""
	}
	base := expand(first("HF_HOME"), home)
	if base == "" {
		cache := expand(first("XDG_CACHE_HOME"), home)
		if cache == "" {
			cache = filepath.Join(home, ".cache")
		}
		base = filepath.Join(cache, "huggingface")
	}
	o := Options{
		Endpoint: strings.TrimRight(first("HF_ENDPOINT"), "/"),
		Cache:    expand(first("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"), home),
		Token:    first("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"),
	}
	if o.Cache == "" {
		o.Cache = filepath.Join(base, "hub")
	}
	if o.Token == "" && !truth(first("HF_HUB_DISABLE_IMPLICIT_TOKEN")) {
		path := expand(first("HF_TOKEN_PATH"), home)
		if path == "" {
			path = filepath.Join(base, "token")
		}
		token, _ := os.ReadFile(path) // most users have none
		o.Token = strings.TrimSpace(string(token))
	}
	o.Offline = truth(first("HF_HUB_OFFLINE"))
	return o
}

func expand(path, home string) string {
	if path == "~" || strings.HasPrefix(path, "~/") {
		return home + path[1:]
	}
	return path
}

func truth(value string) bool {
	switch strings.ToUpper(value) {
	case "1", "ON", "YES", "TRUE":
		return true
	}
	return false
}

// InputError is a fault of what was asked for: a name that is none, a model
// that is not there or may not be read.
type InputError struct{ text string }

func (e *InputError) Error() string { return "hub: " + e.text }

func inputError(format string, args ...any) error {
	return &InputError{fmt.Sprintf(format, args...)}
}

// Hub talks to a hub. Several goroutines may use it.
type Hub struct {
	endpoint *url.URL
	token    string
	cache    string
	offline  bool
	stall    time.Duration
	client   *http.Client
	retry    retry
}

// New returns a Hub. The errors are those of o: an endpoint that is no
// address, a token with characters that no token has.
func New(o *Options) (*Hub, error) {
	h := &Hub{token: o.Token, cache: o.Cache, offline: o.Offline, stall: o.Stall, retry: standardRetry}
	address := o.Endpoint
	if address == "" {
		address = DefaultEndpoint
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, inputError("endpoint %q, want an address such as %s", address, DefaultEndpoint)
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	h.endpoint = u
	for _, c := range o.Token {
		if c <= ' ' || c > '~' {
			return nil, inputError("the access token contains %q: is it one line from the token page?", c)
		}
	}
	if h.cache == "" {
		return nil, inputError("no folder for the cache: set HF_HOME or HF_HUB_CACHE")
	}
	if h.stall == 0 {
		h.stall = 30 * time.Second
	}
	transport := o.Transport
	if transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.ResponseHeaderTimeout = h.stall
		t.MaxIdleConnsPerHost = workers
		transport = t
	}
	// Redirects are followed by hand, see Hub.send.
	h.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	return h, nil
}

// Name is the name of a model on a hub, and which of its versions is meant.
type Name struct {
	Owner, Model string
	Revision     string // branch, tag or commit; "main" if nothing was said
}

// ParseName reads OWNER/NAME or OWNER/NAME@REVISION.
func ParseName(text string) (Name, error) {
	id, revision, said := strings.Cut(text, "@")
	owner, model, ok := strings.Cut(id, "/")
	if !said {
		revision = "main"
	}
	if !ok || !plainName(owner) || !plainName(model) {
		return Name{}, inputError("%q, want OWNER/NAME", text)
	}
	if !plainRevision(revision) {
		return Name{}, inputError("revision %q, want a branch, a tag or a commit", revision)
	}
	return Name{owner, model, revision}, nil
}

// ID returns OWNER/NAME.
func (n Name) ID() string { return n.Owner + "/" + n.Model }

// folder returns the name of the model's folder in the cache.
func (n Name) folder() string { return "models--" + n.Owner + "--" + n.Model }

// plainName reports whether s is the name of an owner or a model. The cache
// and the addresses rely on it.
func plainName(s string) bool {
	if s == "" || len(s) > 96 || strings.Contains(s, "--") || strings.Contains(s, "..") || strings.Trim(s, "-.") != s {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == ""
}

// plainRevision reports whether s can be a revision and the name of a file
// below refs.
func plainRevision(s string) bool {
	if s == "" || s == "." || len(s) > 200 || !filepath.IsLocal(s) || filepath.ToSlash(filepath.Clean(s)) != s {
		return false
	}
	return !strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune(`\:*?"<>|`, c) })
}

// isHex reports whether s consists of n lower-case hexadecimal digits.
func isHex(s string, n int) bool { return len(s) == n && strings.Trim(s, "0123456789abcdef") == "" }
