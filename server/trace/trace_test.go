package trace

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"hark/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestCollectorGetsSpans(t *testing.T) {
	got := make(chan batch, 10)
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var b batch
		if err := json.NewDecoder(r.Body).Decode(&b); err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Api-Key") != "k" {
			t.Errorf("%s with %v: %v", r.URL.Path, r.Header, err)
		}
		got <- b
	}))
	defer collector.Close()
	tracer, err := New(Options{Endpoint: collector.URL + "/", Headers: map[string]string{"Api-Key": "k"}})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("POST", "/x", nil)
	r.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	ctx, outer := tracer.Serve(r, "POST /x")
	outer.Int("http.response.status_code", 500)
	outer.String("http.route", "/x")
	ctx, inner := tracer.Start(ctx, "answer")
	inner.Event("first token")
	inner.End("")
	outer.End("server_error")
	tracer.Past(ctx, "response", time.Second, map[string]time.Duration{"first token": 100 * time.Millisecond, "first audio": 0}, map[string]int{"tokens": 3})
	if err := tracer.Close(); err != nil {
		t.Fatal(err)
	}
	var spans []span
	for len(spans) < 3 {
		select {
		case b := <-got:
			spans = append(spans, b.Resources[0].Scopes[0].Spans...)
		case <-time.After(10 * time.Second):
			t.Fatalf("%d spans", len(spans))
		}
	}
	by := map[string]span{}
	for _, s := range spans {
		if s.TraceID != "0af7651916cd43dd8448eb211c80319c" {
			t.Errorf("%s is of trace %s", s.Name, s.TraceID)
		}
		by[s.Name] = s
	}
	request, answer, response := by["POST /x"], by["answer"], by["response"]
	if request.Parent != "b7ad6b7169203331" || request.Kind != 2 || request.Status.Code != 2 || len(request.Attributes) != 2 ||
		request.Attributes[0].Value["intValue"] != "500" || request.Attributes[1].Value["stringValue"] != "/x" {
		t.Errorf("request: %+v", request)
	}
	if answer.Parent != request.SpanID || len(answer.Events) != 1 || response.Parent != answer.SpanID || len(response.Events) != 1 {
		t.Errorf("answer: %+v, response: %+v", answer, response)
	}
	if len(response.Start) != 19 || response.Start >= response.Events[0].At || response.Events[0].At >= response.End {
		t.Errorf("times: %+v", response)
	}
}

func TestNoTracerAndNoCollector(t *testing.T) {
	var none *Tracer
	ctx, span := none.Start(t.Context(), "x")
	span.Int("n", 1)
	span.String("s", "x")
	span.Event("e")
	span.End("failed")
	none.Past(ctx, "x", 1, nil, nil)
	if _, span := none.Serve(httptest.NewRequest("GET", "/", nil), "x"); ctx != t.Context() || span != nil || none.Close() != nil {
		t.Error("a nil tracer does something")
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	tracer, err := New(Options{Endpoint: gone.URL})
	if err != nil {
		t.Fatal(err)
	}
	_, span = tracer.Start(t.Context(), "x")
	span.End("")
	start := time.Now()
	if tracer.Close(); time.Since(start) > 3*time.Second {
		t.Errorf("without a collector Close takes %v", time.Since(start))
	}
	for _, bad := range []string{"", "collector:4318", "grpc://x", "http://"} {
		if _, err := New(Options{Endpoint: bad}); err == nil || !strings.Contains(err.Error(), "want http") {
			t.Errorf("endpoint %q: %v", bad, err)
		}
	}
}
