package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"hark/server/keys"
)

// keyProtocol begins the WebSocket subprotocol that carries a key: browsers
// cannot set headers.
const keyProtocol = "openai-insecure-api-key."

// checkAddr refuses to serve anybody but this machine without keys.
func (s *Server) checkAddr(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("server: address %q: want host:port", addr)
	}
	if s.keys.Required() || isLoopback(host) {
		return nil
	}
	return fmt.Errorf("server: address %q can be reached from other machines: set an API key (hark keys add NAME makes one), or listen on 127.0.0.1", addr)
}

// IsLocal reports whether an address to listen on is this machine's own, so
// that keys are not needed.
func IsLocal(addr string) bool { return isLoopback(hostOf(addr)) }

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

// sender is who sends a request, as far as is known.
type sender struct {
	holder *keys.Holder // of the key, nil where none is needed
	secret any          // what the client secret carries, nil without one
}

// id tells callers apart: the id of the key, "" where none is needed.
func (c sender) id() string {
	if c.holder == nil {
		return ""
	}
	return c.holder.ID()
}

// senderKey is where a request's context has its sender.
type senderKey struct{}

func senderOf(r *http.Request) sender {
	c, _ := r.Context().Value(senderKey{}).(sender)
	return c
}

// guard lets requests to the API through that may come in: pages of foreign
// origins may not, and a key is needed where there are keys. Client secrets
// open sessions and nothing else.
func (s *Server) guard(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if origin := r.Header.Get("Origin"); origin != "" && !sameOrigin(origin, r.Host) {
			letRead(w, origin)
			if !s.allowed(origin) {
				refuse(w, http.StatusForbidden, "origin_not_allowed", "",
					fmt.Sprintf("this server takes no pages of %.100s; hark serve --allow-origin %.100s would", origin, origin))
				return
			}
			if r.Method == http.MethodOptions {
				preflight(w, r)
				return
			}
		}
		who, err := s.authenticate(r, rt.secrets)
		if err != nil {
			w.Header().Set("WWW-Authenticate", "Bearer")
			refuse(w, http.StatusUnauthorized, "invalid_api_key", "", err.Error())
			return
		}
		if who.holder != nil && !s.admit(w, who.holder) {
			return
		}
		rt.serve(w, r.WithContext(context.WithValue(r.Context(), senderKey{}, who)))
	})
}

// Why a request may not come in.
var (
	errNoKey   = errors.New("this server needs an API key, and the request has none that it knows")
	errExpired = errors.New("this client secret has expired, or the key that made it was revoked")
	errSecret  = errors.New("a client secret opens realtime sessions and nothing else")
)

// authenticate returns who sends a request. Without keys it must come from
// this machine and be addressed to it: a name that resolves to 127.0.0.1 is how
// a foreign page would get past the origin check.
func (s *Server) authenticate(r *http.Request, secrets bool) (sender, error) {
	key := requestKey(r)
	holder, err := s.keys.Find(key)
	if err != nil {
		s.log.Error("keys", "err", err)
	}
	secret, known := s.secrets.Find(key)
	switch {
	case holder != nil:
		return sender{holder: holder}, nil
	case known && (time.Now().After(secret.Expires) || secret.Owner != nil && !s.keys.Has(secret.Owner)):
		return sender{}, errExpired
	case known && !secrets:
		return sender{}, errSecret
	case known && (s.keys.Required() || local(r)):
		return sender{secret.Owner, secret.Value}, nil
	case s.keys.Required() || !local(r):
		return sender{}, errNoKey
	}
	return sender{}, nil
}

// local reports whether a request comes from this machine and is addressed to
// it.
func local(r *http.Request) bool {
	return isLoopback(hostOf(r.RemoteAddr)) && isLoopback(hostOf(r.Host))
}

// admit counts a request of a key, and refuses it beyond the key's limit.
func (s *Server) admit(w http.ResponseWriter, h *keys.Holder) bool {
	wait, left := h.Request(time.Now())
	if limit, _ := h.Limits(); limit > 0 {
		w.Header().Set("X-Ratelimit-Limit-Requests", strconv.Itoa(limit))
		w.Header().Set("X-Ratelimit-Remaining-Requests", strconv.Itoa(left))
	}
	if wait == 0 {
		return true
	}
	w.Header().Set("Retry-After", strconv.Itoa(int(wait.Seconds()+1)))
	refuse(w, http.StatusTooManyRequests, "rate_limit_exceeded", "", "this key has sent more requests a minute than it may")
	return false
}

// hostOf returns the host of "host" or "host:port".
func hostOf(addr string) string {
	if host, _, err := net.SplitHostPort(addr); err == nil {
		return host
	}
	return addr
}

// requestKey returns the key of a request, "" for none: of the Authorization
// header, the WebSocket subprotocol, or as clients of Azure send it.
func requestKey(r *http.Request) string {
	if kind, key, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(kind, "Bearer") {
		return strings.TrimSpace(key)
	}
	for _, line := range r.Header.Values("Sec-WebSocket-Protocol") {
		for offered := range strings.SplitSeq(line, ",") {
			if key, ok := strings.CutPrefix(strings.TrimSpace(offered), keyProtocol); ok {
				return key
			}
		}
	}
	if key := r.Header.Get("Api-Key"); key != "" {
		return key
	}
	return r.URL.Query().Get("api-key")
}
