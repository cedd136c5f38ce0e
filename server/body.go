package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"hark/server/schema"
	"hark/session/realtime"
)

// maxBodies bounds the bodies of all requests in progress together, in longest
// bodies: so many clients may send pictures and sound at once.
const maxBodies = 8

// hold makes a handler whose requests' bodies count against the bound until
// they are answered. One whose length is not said counts as the longest.
func (s *Server) hold(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := r.ContentLength
		if n < 0 || n > s.o.Limits.BodyBytes {
			n = s.o.Limits.BodyBytes
		}
		if s.bodies.Add(n) > maxBodies*s.o.Limits.BodyBytes {
			s.bodies.Add(-n)
			s.fail(w, overloaded("the requests in progress are %d MiB long together, more are not possible", maxBodies*s.o.Limits.BodyBytes>>20))
			return
		}
		defer s.bodies.Add(-n)
		next.ServeHTTP(w, r)
	})
}

// readBody reads the body of a request within its limits of size and time.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.o.Limits.BodyBytes))
	if err != nil {
		return nil, fmt.Errorf("server: %w", badBody(err))
	}
	// With the body there, the deadline of ServeHTTP goes: passing, it would
	// cancel the request.
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	return data, nil
}

// badBody tells a body that is too long, which is answered as such, from a
// client that does not send what it announced.
func badBody(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return err
	}
	return realtime.Invalid("incomplete_body", "", "the request's body did not arrive: %v", err)
}

// decodeBody reads the body of a request into what to points to. It must fit
// the schema of that name in the document.
func (s *Server) decodeBody(w http.ResponseWriter, r *http.Request, name string, to any) error {
	data, err := s.readBody(w, r)
	if err != nil {
		return err
	}
	var value any
	if err := json.Unmarshal(data, &value); err != nil {
		return realtime.Invalid("invalid_json", "", "the body is not JSON: %v", err)
	}
	if fault := s.document.Check(name, value); fault != nil {
		return faultError(fault)
	}
	if json.Unmarshal(data, to) == nil {
		return nil
	}
	// 3.0 is an integer for the schema, and for clients written in
	// JavaScript; written anew it is 3.
	data, err = json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(data, to)
	}
	if err != nil {
		return badJSON(err)
	}
	return nil
}

// faultError is the error for a client whose value does not fit a schema.
func faultError(f *schema.Fault) error {
	code := realtime.CodeInvalidValue
	switch f.Kind {
	case schema.Type:
		code = realtime.CodeInvalidType
	case schema.Missing:
		code = realtime.CodeMissing
	case schema.Long:
		code = realtime.CodeTooLong
	case schema.Value:
	}
	return realtime.Invalid(code, f.Path, "%s", f.Message)
}

func badJSON(err error) error {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		return realtime.Invalid(realtime.CodeInvalidType, kind.Field, "invalid type for %s: got %s", kind.Field, kind.Value)
	}
	return realtime.Invalid("invalid_json", "", "the body is not JSON: %v", err)
}
