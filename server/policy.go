package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"
)

// keyProtocol begins the WebSocket subprotocol that carries a key: browsers
// cannot set headers.
const keyProtocol = "openai-insecure-api-key."

// hashKeys keeps the hashes of keys: equal lengths are what a comparison in
// constant time needs.
func hashKeys(keys []string) ([][32]byte, error) {
	var hashes [][32]byte
	for i, k := range keys {
		if strings.TrimSpace(k) != k || k == "" {
			return nil, fmt.Errorf("server: key %d of %d is empty or has spaces around it", i+1, len(keys))
		}
		hashes = append(hashes, sha256.Sum256([]byte(k)))
	}
	return hashes, nil
}

// checkAddr refuses to serve anybody but this machine without keys.
func (s *Server) checkAddr(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("server: address %q: want host:port", addr)
	}
	if len(s.keys) > 0 || isLoopback(host) {
		return nil
	}
	return fmt.Errorf("server: address %q can be reached from other machines: set an API key, or listen on 127.0.0.1", addr)
}

// isLoopback reports whether a host, without a port, is this machine. Names
// other than localhost are not: what they resolve to may change.
func isLoopback(host string) bool {
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// guard lets requests to the API through that may come in: pages of foreign
// origins may not, and a key is needed where there are keys.
func (s *Server) guard(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if origin := r.Header.Get("Origin"); origin != "" && !sameOrigin(origin, r.Host) {
			if !s.allowed(origin) {
				refuse(w, http.StatusForbidden, "origin_not_allowed", "",
					"pages of other origins may not use this server unless it is told to allow them")
				return
			}
			w.Header().Set("Access-Control-Allow-Origin", origin)
			w.Header().Set("Access-Control-Expose-Headers", "Location, Retry-After")
			w.Header().Add("Vary", "Origin")
			if r.Method == http.MethodOptions {
				w.Header().Set("Access-Control-Allow-Methods", "GET, POST")
				w.Header().Set("Access-Control-Allow-Headers", "authorization, api-key, content-type, x-openai-agents-sdk")
				w.WriteHeader(http.StatusNoContent)
				return
			}
		}
		if !s.authorized(r) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			refuse(w, http.StatusUnauthorized, "invalid_api_key", "", "this server needs an API key, and the request has none that it knows")
			return
		}
		next(w, r)
	})
}

// authorized reports whether a request may use the API. Without keys it must
// come from this machine and be addressed to it: a name that resolves to
// 127.0.0.1 is how a foreign page would get past the origin check.
func (s *Server) authorized(r *http.Request) bool {
	if len(s.keys) == 0 {
		return isLoopback(hostOf(r.RemoteAddr)) && isLoopback(hostOf(r.Host))
	}
	key, ok := requestKey(r)
	if !ok {
		return false
	}
	hash := sha256.Sum256([]byte(key))
	match := 0
	for _, known := range s.keys {
		match |= subtle.ConstantTimeCompare(hash[:], known[:])
	}
	return match == 1
}

// hostOf returns the host of "host" or "host:port".
func hostOf(addr string) string {
	if host, _, err := net.SplitHostPort(addr); err == nil {
		return host
	}
	return addr
}

// requestKey returns the key of a request: of the Authorization header, the
// WebSocket subprotocol, or as clients of Azure send it.
func requestKey(r *http.Request) (string, bool) {
	if kind, key, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(kind, "Bearer") {
		return strings.TrimSpace(key), true
	}
	for _, line := range r.Header.Values("Sec-WebSocket-Protocol") {
		for offered := range strings.SplitSeq(line, ",") {
			if key, ok := strings.CutPrefix(strings.TrimSpace(offered), keyProtocol); ok {
				return key, true
			}
		}
	}
	if key := r.Header.Get("Api-Key"); key != "" {
		return key, true
	}
	key := r.URL.Query().Get("api-key")
	return key, key != ""
}

// sameOrigin reports whether a page's origin is the host it talks to.
func sameOrigin(origin, host string) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, host)
}

// checkOrigins refuses patterns that could never match.
func checkOrigins(patterns []string) error {
	for _, p := range patterns {
		if _, err := path.Match(p, ""); err != nil || !strings.Contains(p, "://") {
			return fmt.Errorf("server: origin %q, want scheme://host[:port]", p)
		}
	}
	return nil
}

// allowed reports whether a foreign origin is among those of the options.
func (s *Server) allowed(origin string) bool {
	for _, p := range s.o.Origins {
		if ok, _ := path.Match(strings.ToLower(p), strings.ToLower(origin)); ok { // checked by New
			return true
		}
	}
	return false
}
