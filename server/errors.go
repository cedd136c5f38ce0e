package server

import (
	"encoding/json"
	"errors"
	"net/http"

	"hark/session"
	"hark/session/realtime"
)

// apiError is the body of every answer that is not a success, and of a stream
// that breaks off.
type apiError struct {
	Error errorBody `json:"error"`
}

type errorBody struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    *string `json:"code"`
}

// newError fills the body; empty code and param are null.
func newError(kind, code, param, message string) apiError {
	e := apiError{errorBody{Message: message, Type: kind}}
	if code != "" {
		e.Error.Code = &code
	}
	if param != "" {
		e.Error.Param = &param
	}
	return e
}

// refuse answers with a status and an error body.
func refuse(w http.ResponseWriter, status int, code, param, message string) {
	kind := realtime.TypeInvalidRequest
	if status >= 500 {
		kind = realtime.TypeServer
	}
	writeJSON(w, status, newError(kind, code, param, message))
}

// writeJSON answers with a JSON body.
func writeJSON(w http.ResponseWriter, status int, body any) {
	data, err := json.Marshal(body)
	if err != nil { // only types of this package come here
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(data, '\n')) // a client that left needs no answer
}

// fail answers with what err means to a client, and logs what is ours.
func (s *Server) fail(w http.ResponseWriter, err error) {
	e, status := s.explain(err)
	if status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", retryAfter)
	}
	writeJSON(w, status, newError(e.Kind, e.Code, e.Param, e.Message))
}

// explain turns an error into one for a client and its HTTP status.
func (s *Server) explain(err error) (*realtime.Error, int) {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return realtime.Invalid("request_too_large", "", "the request has more than %d bytes", large.Limit), http.StatusRequestEntityTooLarge
	}
	e, ours := session.Explain(err)
	switch {
	case ours:
		s.log.Error("request fault", "err", err)
		return e, http.StatusInternalServerError
	case e.Code == realtime.CodeOverloaded:
		return e, http.StatusTooManyRequests
	}
	return e, http.StatusBadRequest
}

// unknown answers requests to what does not exist.
func (s *Server) unknown(w http.ResponseWriter, r *http.Request) {
	refuse(w, http.StatusNotFound, "unknown_url", "", "there is nothing at "+r.Method+" "+r.URL.Path)
}

// badPrompt says that messages cannot be rendered: chat formats refuse only
// what the client wrote.
func badPrompt(err error) error {
	return realtime.Invalid(realtime.CodeInvalidValue, "messages", "%v", err)
}
