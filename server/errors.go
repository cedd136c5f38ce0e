package server

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"hark/engine"
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
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout)) // where there are deadlines
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

// statuses are those of errors that are not 400.
var statuses = map[string]int{
	realtime.CodeOverloaded:          http.StatusTooManyRequests,
	realtime.CodeUnknownConversation: http.StatusNotFound,
	codeNoResponse:                   http.StatusNotFound,
	codeNoVoice:                      http.StatusNotImplemented,
	codeNoWebRTC:                     http.StatusNotImplemented,
}

// Codes that only the HTTP API has.
const (
	codeNoResponse = "response_not_found"
	codeNoVoice    = "speech_not_available"
)

// explain turns an error into one for a client and its HTTP status.
func (s *Server) explain(err error) (*realtime.Error, int) {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return realtime.Invalid("request_too_large", "", "the request has more than %d bytes", large.Limit), http.StatusRequestEntityTooLarge
	case errors.Is(err, engine.ErrBusy), errors.Is(err, engine.ErrOverload), errors.Is(err, engine.ErrMemory):
		s.log.Debug("request refused", "err", err)
		return overloaded("the server is busy, try again later"), http.StatusTooManyRequests
	}
	e, ours := session.Explain(err)
	if ours {
		s.log.Error("request fault", "err", err)
		return e, http.StatusInternalServerError
	}
	if status, ok := statuses[e.Code]; ok {
		return e, status
	}
	return e, http.StatusBadRequest
}
