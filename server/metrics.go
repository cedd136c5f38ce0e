package server

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"hark/engine"
	"hark/session"
)

// metrics are what /metrics tells. The names are in docs/http.md.
type metrics struct {
	handler    http.Handler
	requests   *prometheus.CounterVec
	durations  *prometheus.HistogramVec
	queued     prometheus.Histogram
	firstToken prometheus.Histogram
	tokens     *prometheus.CounterVec
	opened     prometheus.Counter
	responses  *prometheus.CounterVec
	afterTurn  *prometheus.HistogramVec // until first token, first audio
	rate       prometheus.Histogram
}

// delays are the buckets of times that somebody waits, 5 ms to about 80 s.
var delays = prometheus.ExponentialBuckets(0.005, 2, 15)

func newMetrics(s *Server) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hark_" + name, Help: help}, labels)
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "hark_" + name, Help: help, Buckets: buckets}, labels)
	}
	requests := counter("http_requests_total", "Requests that were answered.", "route", "method", "code")
	durations := histogram("http_request_seconds", "How long requests took, sessions aside.", delays, "route")
	queued := histogram("http_queue_seconds", "How long requests waited for their turn.", delays)
	first := histogram("http_first_token_seconds", "From a request's turn to its first token.", delays)
	tokens := counter("http_tokens_total", "Tokens of requests over HTTP.", "kind")
	opened := counter("sessions_total", "Realtime sessions that were opened.")
	responses := counter("responses_total", "Responses of sessions.", "status", "output")
	after := histogram("response_delay_seconds", "From the end of a turn to the first token, and to the first sound.", delays, "until", "after_speech")
	rate := histogram("response_tokens_per_second", "How fast responses were written.", prometheus.ExponentialBuckets(1, 2, 13))
	m := &metrics{requests: requests, durations: durations, tokens: tokens, responses: responses, afterTurn: after,
		opened: opened.WithLabelValues()}
	for to, from := range map[*prometheus.Histogram]*prometheus.HistogramVec{&m.queued: queued, &m.firstToken: first, &m.rate: rate} {
		*to, _ = from.WithLabelValues().(prometheus.Histogram) // it is one
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(requests, durations, queued, first, tokens, opened, responses, after, rate, gauges{s},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.handler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	return m
}

// count makes a handler that is counted. It also takes back the deadline that
// the answer before on the same connection had.
func (m *metrics) count(rt route, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // where there are deadlines
		seen := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		began := time.Now()
		next.ServeHTTP(seen, r)
		if rt.path != "/v1/realtime" {
			m.durations.WithLabelValues(rt.path).Observe(time.Since(began).Seconds())
		}
		m.requests.WithLabelValues(rt.path, rt.method, strconv.Itoa(seen.status)).Inc()
	})
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the status.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController and WebSockets reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// waited notes how long a request waited for its turn.
func (m *metrics) waited(d time.Duration) { m.queued.Observe(d.Seconds()) }

// first notes when a request's first token came.
func (m *metrics) first(d time.Duration) { m.firstToken.Observe(d.Seconds()) }

// answered counts the tokens of an answer.
func (m *metrics) answered(a *answer) {
	for kind, n := range map[string]int{"prompt": a.input(), "cached": a.cached, "completion": a.output} {
		m.tokens.WithLabelValues(kind).Add(float64(n))
	}
}

// observe takes the timings of a session's response.
func (m *metrics) observe(t session.Timings) {
	m.responses.WithLabelValues(string(t.Status), string(t.Output)).Inc()
	speech := strconv.FormatBool(t.AfterSpeech)
	for until, d := range map[string]time.Duration{"first_token": t.FirstToken, "first_audio": t.FirstAudio} {
		if d > 0 {
			m.afterTurn.WithLabelValues(until, speech).Observe(d.Seconds())
		}
	}
	if t.Rate > 0 {
		m.rate.Observe(t.Rate)
	}
}

// gauges read what others count when they are asked.
type gauges struct{ s *Server }

// Describe sends nothing: what there is depends on the options.
func (gauges) Describe(chan<- *prometheus.Desc) {}

// Collect sends everything.
func (g gauges) Collect(out chan<- prometheus.Metric) {
	value := func(kind prometheus.ValueType) func(name, help string, v float64) {
		return func(name, help string, v float64) {
			out <- prometheus.MustNewConstMetric(prometheus.NewDesc("hark_"+name, help, nil, nil), kind, v)
		}
	}
	gauge, count := value(prometheus.GaugeValue), value(prometheus.CounterValue)
	inside, waiting := g.s.gate.state()
	g.s.mu.Lock()
	sessions := g.s.sessions
	g.s.mu.Unlock()
	gauge("sessions", "Realtime sessions in progress.", float64(sessions))
	gauge("http_answering", "Requests that the model answers.", float64(inside))
	gauge("http_waiting", "Requests that wait for their turn.", float64(waiting))
	c := &g.s.counters
	count("speculations_total", "Answers begun before the end of a turn was certain.", float64(c.Speculations.Load()))
	count("speculations_confirmed_total", "Of these, those whose turn ended there.", float64(c.Confirmed.Load()))
	count("speculations_abandoned_total", "Of these, those that were thrown away.", float64(c.Abandoned.Load()))
	count("speculations_ready_total", "Confirmed ones that had a token by then.", float64(c.FirstTokenReady.Load()))
	count("session_tokens_said_total", "Tokens of answers in sessions.", float64(c.TokensSaid.Load()))
	count("session_tokens_thrown_away_total", "Tokens of abandoned speculations.", float64(c.TokensThrownAway.Load()))
	if !g.s.loaded.Load() || g.s.served.Stats == nil {
		return
	}
	e := g.s.served.Stats()
	gauge("engine_sequences", "Sequences that are open.", float64(e.Sequences))
	gauge("engine_waiting", "Callers that wait for a sequence.", float64(e.Waiting))
	gauge("engine_load", "Share of the last second that the model worked, guesses aside.", e.Load)
	gauge("engine_kv_bytes", "Caches of open sequences, shared parts counted fully.", float64(e.KVBytes))
	gauge("engine_prefix_bytes", "Caches kept without a sequence.", float64(e.PrefixBytes))
	gauge("engine_audio_backlog_seconds", "The longest that sound waits to be heard now.", e.Backlog.Seconds())
	count("engine_steps_total", "Steps of the model.", float64(e.Steps))
	count("engine_steps_ahead_total", "Of these, those begun before the tokens of the one before were read.", float64(e.Ahead))
	count("engine_positions_total", "Positions read into caches, answers included.", float64(e.Positions))
	count("engine_tokens_total", "Tokens that the model wrote.", float64(e.Decoded))
	count("engine_tokens_discarded_total", "Of these, those that nobody came to read.", float64(e.Discarded))
	count("engine_guessed_total", "Tokens guessed by what a conversation holds.", float64(e.Guessed))
	count("engine_guessed_right_total", "Of these, those that the model wrote then.", float64(e.Right))
	count("engine_prompt_read_total", "Positions of prompts that were read in.", float64(e.Read))
	count("engine_prompt_kept_total", "Positions of prompts that were in a cache.", float64(e.Kept))
	count("engine_prompt_borrowed_total", "Of these, those that another cache lent.", float64(e.Borrowed))
	out <- engineHistogram("engine_step_seconds", "How long steps took.", &e.StepTime)
	out <- engineHistogram("engine_audio_lag_seconds", "How long sound waited until it was heard.", &e.Lag)
}

// engineHistogram turns a histogram of the engine's into one of Prometheus.
func engineHistogram(name, help string, h *engine.Histogram) prometheus.Metric {
	buckets, sum := map[float64]uint64{}, uint64(0)
	for i, bound := range engine.Bounds() {
		sum += uint64(h.Counts[i])
		buckets[bound.Seconds()] = sum
	}
	return prometheus.MustNewConstHistogram(prometheus.NewDesc("hark_"+name, help, nil, nil), uint64(h.Count()), h.Sum.Seconds(), buckets)
}
