package server

import (
	"net/http"
	"slices"
	"strings"

	"hark/docs/openapi"
)

// route is one operation of the API.
type route struct {
	method, path string // path as http.ServeMux has it
	open         bool   // anybody may ask
	secrets      bool   // client secrets are enough
	serve        http.HandlerFunc
}

// table returns every operation.
func (s *Server) table() []route {
	return []route{
		{method: "GET", path: "/v1/realtime", secrets: true, serve: s.realtime},
		{method: "POST", path: "/v1/realtime", secrets: true, serve: s.oldCall},
		{method: "POST", path: "/v1/realtime/calls", secrets: true, serve: s.createCall},
		{method: "POST", path: "/v1/realtime/calls/{id}", secrets: true, serve: s.updateCall},
		{method: "POST", path: "/v1/realtime/calls/{id}/hangup", secrets: true, serve: s.hangup},
		{method: "POST", path: "/v1/realtime/client_secrets", serve: s.clientSecrets},
		{method: "POST", path: "/v1/realtime/sessions", serve: s.oldSessions},
		{method: "POST", path: "/v1/chat/completions", serve: s.chatCompletions},
		{method: "POST", path: "/v1/multimodal/chat/completions", serve: s.chatCompletions},
		{method: "POST", path: "/v1/responses", serve: s.createResponse},
		{method: "GET", path: "/v1/responses/{id}", serve: s.getResponse},
		{method: "DELETE", path: "/v1/responses/{id}", serve: s.deleteResponse},
		{method: "GET", path: "/v1/responses/{id}/input_items", serve: s.inputItems},
		{method: "POST", path: "/v1/audio/transcriptions", serve: s.transcribe},
		{method: "POST", path: "/v1/audio/speech", serve: s.speak},
		{method: "GET", path: "/v1/models", serve: s.models},
		{method: "GET", path: "/v1/models/{id...}", serve: s.model},
		{method: "GET", path: "/metrics", serve: s.metrics.handler.ServeHTTP},
		{method: "GET", path: "/health", open: true, serve: s.health},
		{method: "GET", path: "/ready", open: true, serve: s.ready},
		{method: "GET", path: "/openapi.json", open: true, serve: s.openAPI},
	}
}

func (s *Server) routes() {
	allowed := map[string][]string{}
	for _, rt := range s.table() {
		s.mux.Handle(rt.method+" "+rt.path, s.observe(rt))
		allowed[rt.path] = append(allowed[rt.path], rt.method)
	}
	for path, methods := range allowed {
		slices.Sort(methods)
		s.mux.Handle(path, s.observe(route{method: "any", path: path, open: isOpen(s.table(), path), serve: wrongMethod(methods)}))
	}
	s.mux.Handle("/v1/", s.observe(route{method: "any", path: "/v1/", serve: s.unknown}))
	if s.o.Page != nil {
		s.mux.Handle("/", s.o.Page)
	} else {
		s.mux.HandleFunc("/", s.unknown)
	}
}

func isOpen(table []route, path string) bool {
	return slices.ContainsFunc(table, func(rt route) bool { return rt.path == path && rt.open })
}

// wrongMethod answers methods that a path does not have.
func wrongMethod(methods []string) http.HandlerFunc {
	allow := strings.Join(methods, ", ")
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", allow)
		refuse(w, http.StatusMethodNotAllowed, "method_not_allowed", "", "this address takes "+allow)
	}
}

// observe makes the handler of a route: it is counted, and what needs a key is
// guarded.
func (s *Server) observe(rt route) http.Handler {
	next := http.Handler(rt.serve)
	if !rt.open {
		if rt.path != "/metrics" {
			rt.serve = s.whenLoaded(rt.serve)
		}
		next = s.guard(rt)
	}
	return s.trace(rt, s.metrics.count(rt, s.hold(next)))
}

// whenLoaded makes a handler that waits for nobody: while the model is being
// loaded, the client is told so.
func (s *Server) whenLoaded(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !s.loaded.Load() {
			w.Header().Set("Retry-After", retryAfter)
			refuse(w, http.StatusServiceUnavailable, "model_loading", "", "the model is being loaded")
			return
		}
		next(w, r)
	}
}

// trace makes a handler with a span for each request, those aside that machines
// send all the time.
func (s *Server) trace(rt route, next http.Handler) http.Handler {
	if s.o.Tracer == nil || rt.open || rt.path == "/metrics" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, span := s.o.Tracer.Serve(r, rt.method+" "+rt.path)
		seen := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(seen, r.WithContext(ctx))
		span.String("http.request.method", r.Method)
		span.String("http.route", rt.path)
		span.Int("http.response.status_code", seen.status)
		failed := ""
		if seen.status >= 500 {
			failed = http.StatusText(seen.status)
		}
		span.End(failed)
	})
}

// unknown answers requests to what does not exist.
func (s *Server) unknown(w http.ResponseWriter, r *http.Request) {
	refuse(w, http.StatusNotFound, "unknown_url", "", "there is nothing at "+r.Method+" "+r.URL.Path)
}

// openAPI serves the document that describes all of this.
func (s *Server) openAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Access-Control-Allow-Origin", "*") // it is the same for everybody
	w.Write(openapi.Document())
}
