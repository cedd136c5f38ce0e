package server

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// origin is a web origin, or a pattern of some: scheme://host[:port] as
// RFC 6454 has it, in lower case.
type origin struct {
	scheme string
	host   string // "*.example.com": every name below example.com, and not itself
	port   string // the scheme's own where none was written; "*": every port
}

// anyOrigin is the pattern of all origins.
var anyOrigin = origin{scheme: "*"}

// ports are those that browsers leave out.
var ports = map[string]string{"http": "80", "https": "443"}

// parseOrigin reads an origin, or a pattern of some:
//
//	https://example.com         this host, on the scheme's own port
//	https://example.com:8443    this host and port
//	https://*.example.com       every host below it, at any depth
//	http://localhost:*          every port
//	*                           every page of the world
//
// A content security policy understands the same patterns (CSP 3, 2.3.1).
func parseOrigin(s string) (origin, error) {
	if s == "*" {
		return anyOrigin, nil
	}
	scheme, rest, ok := strings.Cut(strings.ToLower(s), "://")
	rest = strings.TrimSuffix(rest, "/")
	o := origin{scheme: scheme, host: rest, port: ports[scheme]}
	if i := strings.LastIndexByte(rest, ':'); i > strings.LastIndexByte(rest, ']') {
		o.host, o.port = rest[:i], rest[i+1:]
		if n, err := strconv.Atoi(o.port); o.port != "*" && (err != nil || n < 1 || n > 65535) {
			return origin{}, fmt.Errorf("server: origin %.100q: a port is a number or *", s)
		}
	}
	if !ok || !isName(o.scheme, "+-.") || o.scheme[0] < 'a' {
		return origin{}, fmt.Errorf("server: origin %.100q, want scheme://host[:port]", s)
	}
	name := strings.TrimPrefix(o.host, "*.")
	if inner, bracketed := strings.CutPrefix(o.host, "["); bracketed {
		inner, closed := strings.CutSuffix(inner, "]")
		name = strings.ReplaceAll(inner, ":", "")
		if !closed {
			name = ""
		}
	}
	if !isName(name, "-._") {
		return origin{}, fmt.Errorf("server: origin %.100q: a host is a name or an address; *. may stand before a name, and nothing behind the port", s)
	}
	return o, nil
}

// isName reports whether s is not empty and has only letters, digits and marks.
func isName(s, marks string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && !strings.ContainsRune(marks, r)
	}) < 0
}

// covers reports whether a page's origin is one of p.
func (p origin) covers(o origin) bool {
	if p == anyOrigin {
		return true
	}
	below, wild := strings.CutPrefix(p.host, "*")
	return p.scheme == o.scheme && (p.port == "*" || p.port == o.port) &&
		(p.host == o.host || wild && strings.HasSuffix(o.host, below) && len(o.host) > len(below))
}

// checkOrigins reads the patterns of the options. All pages of the world are
// only let in with keys: without them, whoever is on this machine and opens any
// page would lend it the microphone's answers.
func checkOrigins(patterns []string, keyed bool) ([]origin, error) {
	var list []origin
	for _, s := range patterns {
		o, err := parseOrigin(s)
		if err != nil {
			return nil, err
		}
		if o == anyOrigin && !keyed {
			return nil, fmt.Errorf("server: origin *: every page of the world may only come in with an API key (hark keys add NAME makes one); name the origins, or listen with keys")
		}
		list = append(list, o)
	}
	return list, nil
}

// sameOrigin reports whether a page's origin is the host it talks to.
func sameOrigin(origin, host string) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, host)
}

// allowed reports whether a foreign origin is among those of the options. "null",
// that of files and of sandboxed frames, never is, but for *.
func (s *Server) allowed(header string) bool {
	o, err := parseOrigin(header)
	if err != nil && header != "null" || strings.Contains(header, "*") {
		return false
	}
	for _, p := range s.origins {
		if p.covers(o) {
			return true
		}
	}
	return false
}

// exactly returns a pattern for media/ws that only this request's origin
// matches: guard has let it in by then.
func exactly(r *http.Request) []string {
	header := r.Header.Get("Origin")
	if header == "" {
		return nil
	}
	return []string{strings.NewReplacer(`\`, `\\`, `[`, `\[`, `*`, `\*`, `?`, `\?`).Replace(header)}
}

// letRead tells a browser that a page of a foreign origin may read the answer
// (the Fetch standard, 3.3). That goes for refusals too, so that a page can say
// why it does not work; they tell nothing but that a hark is here.
func letRead(w http.ResponseWriter, origin string) {
	w.Header().Set("Access-Control-Allow-Origin", origin)
	w.Header().Set("Access-Control-Expose-Headers", "Location, Retry-After, X-Request-Id")
	w.Header().Add("Vary", "Origin")
}

// preflight answers what a browser asks before it lets an allowed page send
// more than a form could. The headers are those of the API and those that the
// openai packages add.
func preflight(w http.ResponseWriter, r *http.Request) {
	headers := []string{"authorization", "api-key", "content-type", "x-openai-agents-sdk"}
	for name := range strings.SplitSeq(r.Header.Get("Access-Control-Request-Headers"), ",") {
		name = strings.TrimSpace(strings.ToLower(name))
		if (strings.HasPrefix(name, "openai-") || strings.HasPrefix(name, "x-stainless-")) && isName(name, "-") && len(headers) < 32 {
			headers = append(headers, name)
		}
	}
	w.Header().Set("Access-Control-Allow-Methods", "GET, POST, DELETE")
	w.Header().Set("Access-Control-Allow-Headers", strings.Join(headers, ", "))
	w.Header().Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
}
