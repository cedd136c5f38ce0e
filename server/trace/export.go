package trace

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// exportTimeout is how long the collector may take for a batch.
const exportTimeout = 5 * time.Second

// exporter sends batches of spans.
//
// Source: OTLP 1.5, "OTLP/HTTP" and "JSON Protobuf Encoding".
type exporter struct {
	url     string
	headers map[string]string
	client  *http.Client
	service string
}

// The messages of OTLP, as far as they are used. Ids are in hexadecimal, numbers
// of 64 bits are strings.
type (
	batch struct {
		Resources []resourceSpans `json:"resourceSpans"`
	}
	resourceSpans struct {
		Resource struct {
			Attributes []keyValue `json:"attributes"`
		} `json:"resource"`
		Scopes []scopeSpans `json:"scopeSpans"`
	}
	scopeSpans struct {
		Scope struct {
			Name string `json:"name"`
		} `json:"scope"`
		Spans []span `json:"spans"`
	}
	span struct {
		TraceID    string     `json:"traceId"`
		SpanID     string     `json:"spanId"`
		Parent     string     `json:"parentSpanId,omitempty"`
		Name       string     `json:"name"`
		Kind       int        `json:"kind"`
		Start      string     `json:"startTimeUnixNano"`
		End        string     `json:"endTimeUnixNano"`
		Attributes []keyValue `json:"attributes,omitempty"`
		Events     []event    `json:"events,omitempty"`
		Status     status     `json:"status"`
	}
	event struct {
		At   string `json:"timeUnixNano"`
		Name string `json:"name"`
	}
	status struct {
		Code    int    `json:"code,omitempty"`
		Message string `json:"message,omitempty"`
	}
	keyValue struct {
		Key   string         `json:"key"`
		Value map[string]any `json:"value"`
	}
)

// ExportSpans sends spans.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	body, err := json.Marshal(e.encode(spans))
	if err != nil {
		return fmt.Errorf("trace: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("trace: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	for key, value := range e.headers {
		req.Header.Set(key, value)
	}
	resp, err := e.client.Do(req)
	if err != nil {
		return fmt.Errorf("trace: %w", err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16)) // so that the connection serves again
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("trace: the collector answers %s", resp.Status)
	}
	return nil
}

// Shutdown lets go of the connection.
func (e *exporter) Shutdown(context.Context) error {
	e.client.CloseIdleConnections()
	return nil
}

// encode writes spans in the form of OTLP.
func (e *exporter) encode(spans []sdk.ReadOnlySpan) batch {
	var scope scopeSpans
	scope.Scope.Name = "hark"
	for _, s := range spans {
		out := span{
			TraceID: s.SpanContext().TraceID().String(), SpanID: s.SpanContext().SpanID().String(),
			Name: s.Name(), Kind: int(s.SpanKind()), Start: nano(s.StartTime()), End: nano(s.EndTime()),
			Attributes: encodeAttributes(s.Attributes()),
		}
		if s.Parent().SpanID().IsValid() {
			out.Parent = s.Parent().SpanID().String()
		}
		for _, ev := range s.Events() {
			out.Events = append(out.Events, event{nano(ev.Time), ev.Name})
		}
		if s.Status().Code == codes.Error {
			out.Status = status{2, s.Status().Description}
		}
		scope.Spans = append(scope.Spans, out)
	}
	all := resourceSpans{Scopes: []scopeSpans{scope}}
	all.Resource.Attributes = []keyValue{{"service.name", map[string]any{"stringValue": e.service}}}
	return batch{[]resourceSpans{all}}
}

func nano(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 10) }

func encodeAttributes(list []attribute.KeyValue) (out []keyValue) {
	for _, a := range list {
		value := map[string]any{"stringValue": a.Value.Emit()}
		if a.Value.Type() == attribute.INT64 {
			value = map[string]any{"intValue": strconv.FormatInt(a.Value.AsInt64(), 10)}
		}
		out = append(out, keyValue{string(a.Key), value})
	}
	return out
}
