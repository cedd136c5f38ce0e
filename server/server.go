// Package server is hark's HTTP side: who may come in, the realtime WebSocket,
// chat completions, the models, health, and the page. What a session does is
// package session's affair.
//
// Start reading at New and Server.ServeHTTP.
package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"hark/audio/speech"
	"hark/media/ws"
	"hark/session"
)

// Options are the choices of a server. Engine must be set.
type Options struct {
	// Engine answers.
	Engine session.Engine
	// Model is the name of the model that clients see; "" is the family of
	// the engine's model. Clients may ask for any name and get this model.
	Model string
	// Addr is the address that Listen listens on, "host:port". On any but
	// the loopback interface keys are required. "" is DefaultAddr.
	Addr string
	// Keys are the API keys. With keys every request to the API needs one,
	// wherever it comes from. Without keys only this machine is served.
	Keys []string
	// Origins are the foreign origins whose pages may use the API,
	// "scheme://host[:port]" or patterns of it as in path.Match. Pages of
	// this server and programs that are no browsers always may.
	Origins []string
	// Instructions are the system prompt of realtime sessions that set none.
	Instructions string
	// Speaker says answers aloud; nil: sessions answer in text. The caller
	// closes it, after Close.
	Speaker speech.Speaker
	// Page is served at /; nil serves nothing there.
	Page http.Handler
	// Log receives a line for each session and each fault; nil discards.
	Log *slog.Logger
	// Limits bound what clients may ask for. Zero fields are the defaults.
	Limits Limits
}

// DefaultAddr is where a server listens that was told nothing.
const DefaultAddr = "127.0.0.1:8080"

// Limits bound what clients may ask for at the same time and in one request.
type Limits struct {
	// Sessions is the number of realtime sessions at a time, 32. Beyond it
	// the answer is 503.
	Sessions int
	// Completions is the number of chat completions at a time, 8. Beyond it
	// the answer is 429.
	Completions int
	// BodyBytes is the longest request body, 32 MiB. Beyond it the answer is
	// 413.
	BodyBytes int64
}

// The limits that are not for sale.
const (
	headerTimeout = 10 * time.Second // to send a request's header
	bodyTimeout   = 60 * time.Second // to send its body
	writeTimeout  = 30 * time.Second // to take a piece of the answer
	idleTimeout   = 2 * time.Minute  // between requests
	headerBytes   = 64 << 10
	grace         = 5 * time.Second // for requests in progress when the server closes
	retryAfter    = "1"             // seconds, when it is busy
	maxModelName  = 128             // characters of a model's name that are echoed
)

// closeInternal is the WebSocket's close code for a fault of the server.
const closeInternal = 1011

// withDefaults fills the zero fields.
func (l Limits) withDefaults() Limits {
	if l.Sessions == 0 {
		l.Sessions = 32
	}
	if l.Completions == 0 {
		l.Completions = 8
	}
	if l.BodyBytes == 0 {
		l.BodyBytes = 32 << 20
	}
	return l
}

// Server serves one engine. It is an http.Handler.
type Server struct {
	o      Options
	log    *slog.Logger
	keys   [][32]byte // hashes of the keys
	mux    *http.ServeMux
	http   *http.Server
	name   string
	booted time.Time

	// Two contexts of the server's own, not of a request: sessions end with
	// life when Close is called, completions with patience a little later.
	life, patience    context.Context
	end, losePatience context.CancelFunc
	closing           sync.Once

	mu          sync.Mutex
	sessions    int
	completions int
	running     sync.WaitGroup // sessions and completions

	grace time.Duration // grace, shorter in tests
}

// New makes a server. It refuses options that would let strangers in: see
// Options.Addr.
func New(o Options) (*Server, error) {
	if o.Engine == nil {
		return nil, errors.New("server: no engine")
	}
	if o.Addr == "" {
		o.Addr = DefaultAddr
	}
	if o.Limits.Sessions < 0 || o.Limits.Completions < 0 || o.Limits.BodyBytes < 0 {
		return nil, fmt.Errorf("server: limits %+v must not be negative", o.Limits)
	}
	if err := checkOrigins(o.Origins); err != nil {
		return nil, err
	}
	o.Limits = o.Limits.withDefaults()
	s := &Server{o: o, log: o.Log, name: o.Model, mux: http.NewServeMux(), booted: time.Now(), grace: grace}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.name == "" {
		s.name = o.Engine.Model().Family
	}
	var err error
	if s.keys, err = hashKeys(o.Keys); err != nil {
		return nil, err
	}
	if err := s.checkAddr(o.Addr); err != nil {
		return nil, err
	}
	s.life, s.end = context.WithCancel(context.Background())
	s.patience, s.losePatience = context.WithCancel(context.Background())
	s.http = &http.Server{
		Handler:           s,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    headerBytes,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	s.routes()
	return s, nil
}

func (s *Server) routes() {
	s.mux.Handle("GET /v1/realtime", s.guard(s.realtime))
	s.mux.Handle("POST /v1/chat/completions", s.guard(s.chatCompletions))
	s.mux.Handle("GET /v1/models", s.guard(s.models))
	s.mux.Handle("GET /v1/models/{id...}", s.guard(s.model))
	s.mux.Handle("/v1/", s.guard(s.unknown))
	s.mux.HandleFunc("GET /health", s.health)
	if s.o.Page != nil {
		s.mux.Handle("/", s.o.Page)
	} else {
		s.mux.HandleFunc("/", s.unknown)
	}
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Listen listens on Options.Addr.
func (s *Server) Listen() (net.Listener, error) {
	ln, err := net.Listen("tcp", s.o.Addr)
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	return ln, nil
}

// Serve serves a listener until Close is called; then it returns nil. It
// refuses a listener that needs keys if there are none.
func (s *Server) Serve(ln net.Listener) error {
	if err := s.checkAddr(ln.Addr().String()); err != nil {
		return errors.Join(err, ln.Close())
	}
	s.log.Info("listening", "addr", ln.Addr().String(), "keys", len(s.keys), "model", s.name)
	if err := s.http.Serve(ln); err != http.ErrServerClosed {
		return fmt.Errorf("server: %w", err)
	}
	return nil
}

// Close ends sessions with a word to their clients, lets requests in progress
// end within five seconds, and returns when all goroutines have ended. The
// engine stays open.
func (s *Server) Close() error {
	var err error
	s.closing.Do(func() {
		s.mu.Lock() // from here on nobody enters
		s.end()
		s.mu.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), s.grace)
		defer cancel()
		stop := context.AfterFunc(ctx, s.losePatience)
		defer stop()
		if err = s.http.Shutdown(ctx); errors.Is(err, context.DeadlineExceeded) {
			err = s.http.Close()
		}
		s.running.Wait()
		s.losePatience()
	})
	return err
}

// enter counts a session or a completion in, unless there are too many or the
// server closes. leave counts it out.
func (s *Server) enter(count *int, limit int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life.Err() != nil || *count >= limit {
		return false
	}
	*count++
	s.running.Add(1)
	return true
}

func (s *Server) leave(count *int) {
	s.mu.Lock()
	*count--
	s.mu.Unlock()
	s.running.Done()
}

// realtime holds a session over a WebSocket.
func (s *Server) realtime(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if query.Get("call_id") != "" {
		refuse(w, http.StatusNotFound, "call_not_found", "call_id", "there is no such call")
		return
	}
	if !s.enter(&s.sessions, s.o.Limits.Sessions) {
		w.Header().Set("Retry-After", retryAfter)
		refuse(w, http.StatusServiceUnavailable, "server_overloaded", "",
			fmt.Sprintf("%d sessions are in progress, at most that many are possible", s.o.Limits.Sessions))
		return
	}
	defer s.leave(&s.sessions)
	conn, err := ws.Accept(w, r, &ws.Options{Origins: s.o.Origins})
	if err != nil {
		s.log.Debug("websocket refused", "err", err) // the client was told
		return
	}
	// Run closes it too; this is for a bug in a session, which net/http
	// would survive with the connection open.
	defer conn.Close(closeInternal, "the server failed")
	name := query.Get("model")
	if name == "" || len(name) > maxModelName {
		name = s.name
	}
	err = session.Run(s.life, conn, session.Options{
		Engine:       s.o.Engine,
		Log:          s.log,
		Model:        name,
		Instructions: s.o.Instructions,
		Speaker:      s.o.Speaker,
		Beta:         asksForBeta(r),
		Transcribe:   query.Get("intent") == "transcription",
	})
	if err != nil && !errors.Is(err, session.ErrShutdown) && !errors.Is(err, io.EOF) {
		s.log.Debug("session broke off", "err", err) // the session logged its end
	}
}

// asksForBeta reports whether a client wants the protocol's older names: by a
// header, or as browsers do, which cannot set one.
func asksForBeta(r *http.Request) bool {
	for _, offered := range r.Header.Values("Sec-WebSocket-Protocol") {
		for _, p := range strings.Split(offered, ",") {
			if strings.TrimSpace(p) == "openai-beta.realtime-v1" {
				return true
			}
		}
	}
	return strings.Contains(r.Header.Get("OpenAI-Beta"), "realtime=v1")
}
