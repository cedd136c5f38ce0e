package server

import (
	"net/http"
	"time"
)

// modelObject is a model as GET /v1/models lists it.
type modelObject struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
	// What the model takes besides text, for clients that know hark.
	Context int  `json:"context_length"`
	Hears   bool `json:"hears"`
	Sees    bool `json:"sees"`
}

func (s *Server) describe() modelObject {
	info := s.served.Engine.Model()
	return modelObject{ID: s.name, Object: "model", Created: s.booted.Unix(), OwnedBy: "hark",
		Context: info.Context, Hears: info.Hears, Sees: info.Sees}
}

// models lists the one model.
func (s *Server) models(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, struct {
		Object string        `json:"object"`
		Data   []modelObject `json:"data"`
	}{"list", []modelObject{s.describe()}})
}

// model describes a model by its name.
func (s *Server) model(w http.ResponseWriter, r *http.Request) {
	if id := r.PathValue("id"); id != s.name {
		refuse(w, http.StatusNotFound, "model_not_found", "model", "the model here is "+s.name)
		return
	}
	writeJSON(w, http.StatusOK, s.describe())
}

// health says that the server is alive. It needs no key and tells nothing of
// what goes on.
func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	name := s.o.Model
	if s.loaded.Load() {
		name = s.name
	}
	writeJSON(w, http.StatusOK, struct {
		Status string  `json:"status"`
		Model  string  `json:"model"`
		Uptime float64 `json:"uptime_seconds"`
	}{"ok", name, time.Since(s.booted).Round(time.Millisecond).Seconds()})
}

// ready says whether somebody who comes now will be served.
func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	closing, sessions := s.life.Err() != nil, s.sessions
	s.mu.Unlock()
	_, waiting := s.gate.state()
	status, word := http.StatusServiceUnavailable, "ready"
	switch {
	case closing:
		word = "closing"
	case !s.loaded.Load():
		word = "loading"
	case sessions >= s.o.Limits.Sessions, waiting >= s.o.Limits.Queue:
		word = "overloaded"
	default:
		status = http.StatusOK
	}
	if status != http.StatusOK {
		w.Header().Set("Retry-After", retryAfter)
	}
	writeJSON(w, status, struct {
		Status string `json:"status"`
	}{word})
}
