package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"hark/media/ws"
	"hark/server/keys"
	"hark/session"
	"hark/session/realtime"
)

// enterSession counts a session in, unless there are too many or the server
// closes; leaveSession counts it out. The refusal is written.
func (s *Server) enterSession(w http.ResponseWriter, who sender) bool {
	s.mu.Lock()
	full := s.life.Err() != nil || s.sessions >= s.o.Limits.Sessions
	if !full {
		s.sessions++
		s.running.Add(1)
	}
	s.mu.Unlock()
	if full {
		w.Header().Set("Retry-After", retryAfter)
		refuse(w, http.StatusServiceUnavailable, "server_overloaded", "",
			fmt.Sprintf("%d sessions are in progress, at most that many are possible", s.o.Limits.Sessions))
		return false
	}
	if who.holder != nil && !who.holder.Enter() {
		s.leaveSession(sender{})
		w.Header().Set("Retry-After", retryAfter)
		refuse(w, http.StatusTooManyRequests, "rate_limit_exceeded", "", "this key has as many sessions in progress as it may")
		return false
	}
	return true
}

func (s *Server) leaveSession(who sender) {
	if who.holder != nil {
		who.holder.Leave()
	}
	s.mu.Lock()
	s.sessions--
	s.mu.Unlock()
	s.running.Done()
}

// realtime holds a session over a WebSocket.
func (s *Server) realtime(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	who := senderOf(r)
	var joined *ongoing
	if id := query.Get("call_id"); id != "" {
		if joined = s.calls.find(id, who); joined == nil {
			noCall(w, "call_id")
			return
		}
	}
	if !headerHas(r, "Connection", "upgrade") || !headerHas(r, "Upgrade", "websocket") {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "websocket")
		refuse(w, http.StatusUpgradeRequired, "upgrade_required", "", "a session takes a WebSocket, and this is no handshake of one")
		return
	}
	if joined != nil {
		s.joinCall(w, r, joined)
		return
	}
	if !s.enterSession(w, who) {
		return
	}
	defer s.leaveSession(who)
	conn, err := ws.Accept(w, r, &ws.Options{Origins: exactly(r)})
	if err != nil {
		s.log.Debug("websocket refused", "err", err) // the client was told
		return
	}
	// Run closes it too; this is for a bug in a session, which net/http
	// would survive with the connection open.
	defer conn.Close(closeInternal, "the server failed")
	s.metrics.opened.Inc()
	o := s.sessionOptions(r.Context(), who)
	if name := query.Get("model"); name != "" && len(name) <= maxModelName {
		o.Model = name
	}
	o.Transcribe = o.Transcribe || query.Get("intent") == "transcription"
	o.Beta = asksForBeta(r)
	o.Resume = query.Get("conversation_id")
	err = session.Run(s.life, conn, o)
	if err != nil && !errors.Is(err, session.ErrShutdown) && !errors.Is(err, io.EOF) {
		s.log.Debug("session broke off", "err", err) // the session logged its end
	}
}

// asksForBeta reports whether a client wants the protocol's older names: by a
// header, or as browsers do, which cannot set one.
func asksForBeta(r *http.Request) bool {
	return headerHas(r, "Sec-WebSocket-Protocol", "openai-beta.realtime-v1") || strings.Contains(r.Header.Get("OpenAI-Beta"), "realtime=v1")
}

// headerHas reports whether a header that is a list has a word.
func headerHas(r *http.Request, name, word string) bool {
	for _, line := range r.Header.Values(name) {
		for entry := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(entry), word) {
				return true
			}
		}
	}
	return false
}

// sessionOptions are those of a session of whoever asks. ctx has the span of
// the request that opened it.
func (s *Server) sessionOptions(ctx context.Context, who sender) session.Options {
	o := session.Options{
		Engine:       s.served.Engine,
		Speaker:      s.o.Speaker,
		Log:          s.log,
		Model:        s.name,
		Instructions: s.o.Instructions,
		Counters:     &s.counters,
		Shelf:        s.shelf,
		Owner:        who.id(),
		Observe: func(t session.Timings) {
			s.metrics.observe(t)
			s.o.Tracer.Past(ctx, "response", t.Total, map[string]time.Duration{"first token": t.FirstToken, "first audio": t.FirstAudio},
				map[string]int{"gen_ai.usage.output_tokens": t.Tokens})
		},
	}
	if config, ok := who.secret.(*sessionConfig); ok {
		o.Config = &config.patch
		if config.model != "" {
			o.Model = config.model
		}
	}
	if who.holder != nil {
		o.RateLimits = func() []realtime.RateLimit { return rateLimits(who.holder) }
	}
	return o
}

// rateLimits says what a key has left of its limit, nothing if it has none.
func rateLimits(h *keys.Holder) []realtime.RateLimit {
	limit, _ := h.Limits()
	if limit == 0 {
		return nil
	}
	left := h.Left(time.Now())
	return []realtime.RateLimit{{Name: "requests", Limit: limit, Remaining: left, ResetSeconds: float64(limit-left) * 60 / float64(limit)}}
}
