package server

import (
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"testing"

	"hark/engine/token"
)

// client asks one server. Its connections end with the test.
type client struct {
	t   *testing.T
	url string
	key string // "" for none
	h   *http.Client
}

func newClient(t *testing.T, url, key string) *client {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &client{t, url, key, &http.Client{Transport: transport}}
}

// do sends a request with a JSON body, none if it is nil, or a form.
func (c *client) do(method, path string, body any) *http.Response {
	c.t.Helper()
	var content io.Reader
	kind := "application/json"
	switch body := body.(type) {
	case nil:
	case string:
		content = bytes.NewReader([]byte(body))
	case *form:
		content, kind = &body.Buffer, body.kind
	default:
		data, err := json.Marshal(body)
		if err != nil {
			c.t.Fatal(err)
		}
		content = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, content)
	if err != nil {
		c.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", kind)
	}
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	resp, err := c.h.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// read sends a request and returns what comes, which must have the status.
func (c *client) read(method, path string, body any, status int) []byte {
	c.t.Helper()
	resp := c.do(method, path, body)
	data, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != status {
		c.t.Fatalf("%s %s: %d, %v, want %d: %.500s", method, path, resp.StatusCode, err, status, data)
	}
	return data
}

// ask sends a request and decodes what comes.
func ask[T any](c *client, method, path string, body any) (out T) {
	c.t.Helper()
	data := c.read(method, path, body, http.StatusOK)
	if err := json.Unmarshal(data, &out); err != nil {
		c.t.Fatalf("%v in %.500s", err, data)
	}
	return out
}

// refused sends a request that must be refused.
func (c *client) refused(method, path string, body any, status int, code, param string) {
	c.t.Helper()
	var e apiError
	data := c.read(method, path, body, status)
	if err := json.Unmarshal(data, &e); err != nil || e.Error.Code == nil || *e.Error.Code != code || e.Error.Message == "" {
		c.t.Errorf("%s %s: %s, want %s", method, path, data, code)
		return
	}
	if got := e.Error.Param; param != "" && (got == nil || *got != param) || param == "" && got != nil {
		c.t.Errorf("%s %s: %s, want param %q", method, path, data, param)
	}
}

// tokenizer returns that of the embedded model.
func tokenizer(t *testing.T) *token.Tokenizer {
	t.Helper()
	real(t)
	e, err := theEngine()
	if err != nil {
		t.Fatal(err)
	}
	return e.Tokenizer()
}

// form is a body of multipart/form-data.
type form struct {
	bytes.Buffer
	kind string
}

// newForm makes a form of a file, nil for none, and fields, names and values in
// turns.
func newForm(t *testing.T, file []byte, fields ...string) *form {
	t.Helper()
	f := &form{}
	w := multipart.NewWriter(f)
	if file != nil {
		part, err := w.CreateFormFile("file", "x")
		if err != nil {
			t.Fatal(err)
		}
		part.Write(file)
	}
	for i := 0; i+1 < len(fields); i += 2 {
		if err := w.WriteField(fields[i], fields[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f.kind = w.FormDataContentType()
	return f
}
