// Package server is hark's HTTP side: who may come in, the realtime WebSocket,
// chat completions, responses, transcription and speech, the models, health and
// metrics, and the page. What a session does is package session's affair.
//
// A request goes: route (routes.go), who sends it (policy.go), its body by the
// schemas of docs/openapi (body.go), the question that it asks (chat.go,
// responses.go, transcribe.go), the model's answer (answer.go), and back in the
// form of its API.
//
// Start reading at New and Server.ServeHTTP.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"hark/audio/speech"
	"hark/docs/openapi"
	"hark/engine"
	"hark/engine/token"
	"hark/server/fetch"
	"hark/server/ffmpeg"
	"hark/server/keys"
	"hark/server/schema"
	"hark/server/trace"
	"hark/session"
)

// Model is what answers.
type Model struct {
	// Engine answers. It must be set.
	Engine session.Engine
	// Tokenizer is the engine's, for log probabilities; nil: there are none.
	Tokenizer *token.Tokenizer
	// Stats are the engine's, for /metrics; nil leaves them out.
	Stats func() engine.Stats
}

// Options are the choices of a server.
type Options struct {
	// Engine, Tokenizer and Stats are as in Model; without an Engine the
	// server has no model until Open.
	Engine    session.Engine
	Tokenizer *token.Tokenizer
	Stats     func() engine.Stats
	// Tracer tells how long the parts of requests took; nil tells nobody. The
	// caller closes it, after Close.
	Tracer *trace.Tracer
	// Speaker speaks; nil: there is no voice.
	Speaker speech.Speaker
	// Model is the name of the model that clients see; "" is the family of
	// the engine's model. Clients may ask for any name and get this model.
	Model string
	// Addr is the address that Listen listens on, "host:port". On any but
	// the loopback interface keys are required. "" is DefaultAddr.
	Addr string
	// TLS makes the server speak https; nil is http.
	TLS *tls.Config
	// Keys are API keys, and KeyFile a file of more of them as package keys
	// writes it. With keys every request to the API needs one, wherever it
	// comes from. Without keys only this machine is served.
	Keys    []string
	KeyFile string
	// Origins are the foreign origins whose pages may use the API:
	// "https://example.com", "https://*.example.com", "http://localhost:*",
	// or with keys "*"; see parseOrigin. Pages of this server and programs
	// that are no browsers always may.
	Origins []string
	// Remote are the hosts whose pictures, sound and videos are fetched when
	// a request names their address, as package fetch has them; none by
	// default.
	Remote []string
	// FFmpeg decodes videos and what else it knows; nil: that is refused.
	FFmpeg *ffmpeg.Program
	// Instructions are the system prompt of realtime sessions that set none.
	Instructions string
	// Page is served at /; nil serves nothing there.
	Page http.Handler
	// Log receives a line for each session and each fault; nil discards.
	Log *slog.Logger
	// Limits bound what clients may ask for. Zero fields are the defaults.
	Limits Limits
	// WebRTC says where calls over WebRTC are reached.
	WebRTC WebRTC
}

// DefaultAddr is where a server listens that was told nothing.
const DefaultAddr = "127.0.0.1:8080"

// Limits bound what clients may ask for at the same time and in one request.
type Limits struct {
	// Sessions is the number of realtime sessions at a time, 32. Beyond it
	// the answer is 503.
	Sessions int
	// Completions is the number of HTTP requests that the model answers at a
	// time, 8; Queue how many wait for that, 32, and QueueTime how long at
	// most, 10 s. Beyond them the answer is 429.
	Completions, Queue int
	QueueTime          time.Duration
	// BodyBytes is the longest request body, 32 MiB. Beyond it the answer is
	// 413.
	BodyBytes int64
	// Tokens is the most that one answer over HTTP may have, and how many it
	// has where a request does not say; 0 is what the context holds.
	Tokens int
	// StoredBytes bounds what is remembered of /v1/responses, 64 MiB.
	StoredBytes int

	arrival  time.Duration // bodyTimeout, shorter in tests
	patience time.Duration // writeTimeout, shorter in tests
}

// The limits that are not for sale.
const (
	headerTimeout = 10 * time.Second // to send a request's header, and for a handshake of TLS
	bodyTimeout   = 60 * time.Second // to send its body
	writeTimeout  = 30 * time.Second // to take a piece of the answer
	idleTimeout   = 2 * time.Minute  // between requests
	headerBytes   = 64 << 10
	grace         = 3 * time.Second // for requests in progress when the server closes
	retryAfter    = "1"             // seconds, when it is busy
	maxModelName  = 128             // characters of a model's name that are echoed

	// Conversations whose connection was lost, and how long they are kept.
	keptConversations = 16
	keptFor           = 5 * time.Minute
)

// The WebSocket's close codes for a fault of the server, and of its client.
const (
	closeInternal = 1011
	closePolicy   = 1008
)

// withDefaults fills the zero fields.
func (l Limits) withDefaults() (Limits, error) {
	if l.Sessions < 0 || l.Completions < 0 || l.Queue < 0 || l.QueueTime < 0 || l.BodyBytes < 0 || l.Tokens < 0 || l.StoredBytes < 0 {
		return l, fmt.Errorf("server: limits %+v must not be negative", l)
	}
	l.Sessions = orDefault(l.Sessions, 32)
	l.Completions = orDefault(l.Completions, 8)
	l.Queue = orDefault(l.Queue, 32)
	l.QueueTime = orDefault(l.QueueTime, 10*time.Second)
	l.BodyBytes = orDefault(l.BodyBytes, 32<<20)
	l.StoredBytes = orDefault(l.StoredBytes, 64<<20)
	l.arrival = orDefault(l.arrival, bodyTimeout)
	l.patience = orDefault(l.patience, writeTimeout)
	return l, nil
}

func orDefault[T int | int64 | time.Duration](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}

// Server serves one engine. It is an http.Handler.
type Server struct {
	o        Options
	log      *slog.Logger
	keys     *keys.Ring
	origins  []origin // of Options.Origins
	secrets  keys.Secrets
	remote   *fetch.Client
	document *schema.Document
	mux      *http.ServeMux
	http     *http.Server
	metrics  *metrics
	counters session.Counters
	shelf    *session.Shelf // conversations whose connection was lost
	booted   time.Time

	// The model, and its name: set once, by Open, before loaded is.
	served Model
	name   string
	loaded atomic.Bool

	// Two contexts of the server's own, not of a request: sessions end with
	// life when Close is called, completions with patience a little later.
	life, patience    context.Context
	end, losePatience context.CancelFunc
	closing           sync.Once

	mu       sync.Mutex
	sessions int
	running  sync.WaitGroup // sessions and completions
	bodies   atomic.Int64   // bytes of requests in progress
	gate     gate
	store    store
	calls    calls

	grace time.Duration // grace, shorter in tests
}

// New makes a server. It refuses options that would let strangers in: see
// Options.Addr.
func New(o Options) (*Server, error) {
	if o.Addr == "" {
		o.Addr = DefaultAddr
	}
	var err error
	if o.Limits, err = o.Limits.withDefaults(); err != nil {
		return nil, err
	}
	s := &Server{o: o, log: o.Log, name: o.Model, mux: http.NewServeMux(), booted: time.Now(), grace: grace}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.keys, err = keys.Open(o.KeyFile, o.Keys); err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	if s.origins, err = checkOrigins(o.Origins, s.keys.Required()); err != nil {
		return nil, err
	}
	if s.remote, err = fetch.New(o.Remote); err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	if s.document, err = schema.Parse(openapi.Document()); err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	if err := s.checkAddr(o.Addr); err != nil {
		return nil, err
	}
	s.gate = gate{running: o.Limits.Completions, waiting: o.Limits.Queue}
	s.store.limit = o.Limits.StoredBytes
	s.metrics = newMetrics(s)
	s.shelf = session.NewShelf(keptConversations, keptFor)
	s.life, s.end = context.WithCancel(context.Background())
	s.patience, s.losePatience = context.WithCancel(context.Background())
	s.http = &http.Server{
		Handler:           s,
		TLSConfig:         o.TLS,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    headerBytes,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	s.routes()
	if o.Engine != nil {
		s.Open(Model{o.Engine, o.Tokenizer, o.Stats})
	}
	return s, nil
}

// Open gives a server that has none its model, once. Until then it tells its
// clients to come back.
func (s *Server) Open(m Model) {
	s.served = m
	if s.name == "" {
		s.name = m.Engine.Model().Family
	}
	s.loaded.Store(true)
	s.log.Info("the model is loaded", "model", s.name)
}

// ServeHTTP answers one request. Its body has to arrive in time even where nobody
// reads it: net/http takes what is left of it before it answers.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 {
		// Where the writer knows no deadlines it is not a network's.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.o.Limits.arrival))
	}
	s.mux.ServeHTTP(w, r)
}

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
	both, err := s.openCalls(ln)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	s.log.Info("listening", "addr", ln.Addr().String(), "tls", s.o.TLS != nil, "keys", s.keys.Len())
	serve := s.http.Serve
	if s.o.TLS != nil {
		serve = func(ln net.Listener) error { return s.http.ServeTLS(ln, "", "") }
	}
	if err = serve(both); err != http.ErrServerClosed {
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
		err = errors.Join(err, s.closeCalls())
		s.shelf.Close()
		s.losePatience()
	})
	return err
}
