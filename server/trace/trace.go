// Package trace tells an OpenTelemetry collector how long the parts of requests
// took: spans, sent in batches over OTLP/HTTP as JSON. Without a collector
// nothing is measured. Nothing that users say or show is in a span.
//
// The exporter is our own: the usual one brings gRPC with it, 11 MB of binary.
//
// Start reading at Tracer.Start.
package trace

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	api "go.opentelemetry.io/otel/trace"
)

// Options say where spans go.
type Options struct {
	// Endpoint is the collector's address, to which /v1/traces is added.
	Endpoint string
	// Headers are sent with every request to it.
	Headers map[string]string
	// Service is what the process is called; "" is "hark".
	Service string
}

// Tracer makes spans. A nil Tracer makes none, at no cost. It is safe for
// concurrent use.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   api.Tracer
}

// New makes a tracer. It does not look whether the collector is there: spans
// that it does not take are dropped.
func New(o Options) (*Tracer, error) {
	u, err := url.Parse(o.Endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("trace: endpoint %q, want http://host:port", o.Endpoint)
	}
	service := o.Service
	if service == "" {
		service = "hark"
	}
	e := &exporter{
		url:     strings.TrimSuffix(o.Endpoint, "/") + "/v1/traces",
		headers: o.Headers,
		client:  &http.Client{Timeout: exportTimeout, Transport: &http.Transport{Proxy: http.ProxyFromEnvironment}},
		service: service,
	}
	p := sdk.NewTracerProvider(sdk.WithBatcher(e), sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", service))))
	return &Tracer{p, p.Tracer("hark")}, nil
}

// closeTime is how long Close waits for the collector to take the last spans.
const closeTime = time.Second

// Close sends what was not sent yet, as far as the collector takes it at once.
func (t *Tracer) Close() error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("trace: %w", err)
	}
	return nil
}

// Span is a stretch of time with a name. A nil Span is none.
type Span struct{ span api.Span }

// Start begins a span. It is a child of the one in ctx, and is in the context
// returned.
func (t *Tracer) Start(ctx context.Context, name string) (context.Context, *Span) {
	if t == nil {
		return ctx, nil
	}
	ctx, s := t.tracer.Start(ctx, name)
	return ctx, &Span{s}
}

// Serve begins the span of a request. It is a child of the caller's, which the
// header traceparent names.
func (t *Tracer) Serve(r *http.Request, name string) (context.Context, *Span) {
	if t == nil {
		return r.Context(), nil
	}
	ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	ctx, s := t.tracer.Start(ctx, name, api.WithSpanKind(api.SpanKindServer))
	return ctx, &Span{s}
}

// Past makes a span that is over, with its events by the time since it began.
func (t *Tracer) Past(ctx context.Context, name string, length time.Duration, events map[string]time.Duration, numbers map[string]int) {
	if t == nil {
		return
	}
	end := time.Now()
	_, s := t.tracer.Start(ctx, name, api.WithTimestamp(end.Add(-length)))
	for event, at := range events {
		if at > 0 {
			s.AddEvent(event, api.WithTimestamp(end.Add(at-length)))
		}
	}
	for key, n := range numbers {
		s.SetAttributes(attribute.Int(key, n))
	}
	s.End(api.WithTimestamp(end))
}

// Int notes a number.
func (s *Span) Int(key string, n int) {
	if s != nil {
		s.span.SetAttributes(attribute.Int(key, n))
	}
}

// String notes a word.
func (s *Span) String(key, word string) {
	if s != nil {
		s.span.SetAttributes(attribute.String(key, word))
	}
}

// Event notes that something happened now.
func (s *Span) Event(name string) {
	if s != nil {
		s.span.AddEvent(name)
	}
}

// End ends the span, as a failure if failed is not "".
func (s *Span) End(failed string) {
	if s == nil {
		return
	}
	if failed != "" {
		s.span.SetStatus(codes.Error, failed)
	}
	s.span.End()
}
