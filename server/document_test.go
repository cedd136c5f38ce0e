package server

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"hark/docs/openapi"
	"hark/session/realtime"
)

// The document describes every operation of the table and no other, each error
// that its guard can give, and only what resolves.
func TestDocumentHasEveryRoute(t *testing.T) {
	var doc struct {
		Paths map[string]map[string]json.RawMessage
	}
	if err := json.Unmarshal(openapi.Document(), &doc); err != nil {
		t.Fatal(err)
	}
	type operation struct {
		OperationID string `json:"operationId"`
		Responses   map[string]json.RawMessage
		Security    *[]any
		RequestBody json.RawMessage
	}
	s, err := New(Options{Engine: silent(t)})
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	page, err := os.ReadFile("../docs/http.md")
	if err != nil {
		t.Fatal(err)
	}
	known := 0
	for _, rt := range s.table() {
		path := strings.ReplaceAll(rt.path, "...}", "}")
		if start, _, _ := strings.Cut(path, "{"); !strings.Contains(string(page), start) {
			t.Errorf("docs/http.md does not have %s", path)
		}
		raw, ok := doc.Paths[path][strings.ToLower(rt.method)]
		var op operation
		if !ok || json.Unmarshal(raw, &op) != nil {
			t.Errorf("%s %s is not in the document", rt.method, path)
			continue
		}
		known++
		if op.OperationID == "" || ids[op.OperationID] {
			t.Errorf("%s %s: operationId %q", rt.method, path, op.OperationID)
		}
		ids[op.OperationID] = true
		want := []string{"200"}
		switch {
		case rt.method == "POST" && (path == "/v1/realtime" || path == "/v1/realtime/calls"):
			want = []string{"201", "501"}
		case path == "/v1/realtime":
			want = []string{"101", "426"}
		}
		if !rt.open {
			want = append(want, "401", "403", "429", "500", "503")
		}
		if op.RequestBody != nil {
			want = append(want, "400", "413")
		}
		for _, status := range want {
			if op.Responses[status] == nil {
				t.Errorf("%s %s does not say %s", rt.method, path, status)
			}
		}
		if (op.Security != nil) != rt.open {
			t.Errorf("%s %s: security %v, open %v", rt.method, path, op.Security, rt.open)
		}
	}
	for path, operations := range doc.Paths {
		for method := range operations {
			if slices.Contains([]string{"get", "post", "delete"}, method) {
				known--
			} else if method != "parameters" {
				t.Errorf("%s has %s", path, method)
			}
		}
	}
	if known != 0 {
		t.Errorf("the document has %d operations that the server has not", -known)
	}
	checkReferences(t)
	w := status(s, func(r *http.Request) { r.URL.Path = "/openapi.json" })
	if w.Code != 200 || w.Body.String() != string(openapi.Document()) {
		t.Errorf("/openapi.json: %d", w.Code)
	}
}

// checkReferences follows every $ref of the document.
func checkReferences(t *testing.T) {
	var doc any
	if err := json.Unmarshal(openapi.Document(), &doc); err != nil {
		t.Fatal(err)
	}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok {
				at := doc
				for _, step := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
					m, _ := at.(map[string]any)
					at = m[step]
				}
				if at == nil {
					t.Errorf("%s leads nowhere", ref)
				}
			}
			for _, e := range v {
				walk(e)
			}
		}
	}
	walk(doc)
}

// Every code that an error of this package may have is explained, in the
// document and on the page.
func TestDocumentHasEveryCode(t *testing.T) {
	codes := []string{codeNoResponse, codeNoVoice, codeNoWebRTC, codeOffer, realtime.CodeInvalidType, realtime.CodeInvalidValue, realtime.CodeMissing, realtime.CodeTooLong,
		realtime.CodeContextLength, realtime.CodeOverloaded, realtime.CodeServerError, realtime.CodeUnsupported}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	literal := regexp.MustCompile(`(?:refuse\(w, http\.Status\w+|realtime\.Invalid\(|return realtime\.Invalid\()(?:, )?"([a-z_]+)"`)
	for _, name := range files {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range literal.FindAllStringSubmatch(string(source), -1) {
			codes = append(codes, m[1])
		}
	}
	page, err := os.ReadFile("../docs/http.md")
	if err != nil || len(codes) < 20 {
		t.Fatalf("%d codes, %v", len(codes), err)
	}
	for _, code := range codes {
		if !strings.Contains(string(page), "`"+code+"`") {
			t.Errorf("docs/http.md does not have %s", code)
		}
		if code != "method_not_allowed" && !strings.Contains(string(openapi.Document()), code) {
			t.Errorf("the document does not have %s", code)
		}
	}
}
