package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"hark/server/keys"
	"hark/session"
	"hark/session/realtime"
)

// secretLife is how long a client secret opens sessions unless the request says
// otherwise. Sessions outlive it.
const secretLife = 10 * time.Minute

// secretRequest is the body of POST /v1/realtime/client_secrets.
type secretRequest struct {
	ExpiresAfter struct {
		Seconds *int `json:"seconds"`
	} `json:"expires_after"`
	Session json.RawMessage `json:"session"`
}

// sessionConfig is what a client secret carries into the sessions that it
// opens.
type sessionConfig struct {
	model string // "" if none was asked for
	patch realtime.SessionPatch
}

// clientSecrets makes a secret for a browser, which lives for minutes and
// brings the session's configuration with it.
func (s *Server) clientSecrets(w http.ResponseWriter, r *http.Request) {
	var req secretRequest
	if err := s.decodeBody(w, r, "ClientSecretRequest", &req); err != nil {
		s.fail(w, err)
		return
	}
	life := secretLife
	if n := req.ExpiresAfter.Seconds; n != nil {
		life = time.Duration(*n) * time.Second
	}
	value, expires, shown, err := s.makeSecret(r, req.Session, life)
	if err != nil {
		s.fail(w, err)
		return
	}
	writeJSON(w, http.StatusOK, struct {
		Value   string          `json:"value"`
		Expires int64           `json:"expires_at"`
		Session json.RawMessage `json:"session"`
	}{value, expires.Unix(), shown})
}

// oldSessions does the same in the form of the older protocol: the body is the
// session, and so is the answer, with the secret in it.
func (s *Server) oldSessions(w http.ResponseWriter, r *http.Request) {
	var body json.RawMessage
	if err := s.decodeBody(w, r, "RealtimeSession", &body); err != nil {
		s.fail(w, err)
		return
	}
	value, expires, shown, err := s.makeSecret(r, body, secretLife)
	var fault *realtime.Error
	if errors.As(err, &fault) {
		fault.Param = strings.TrimPrefix(fault.Param, "session.")
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	secret := fmt.Appendf(nil, `{"client_secret":{"value":%q,"expires_at":%d},`, value, expires.Unix())
	writeJSON(w, http.StatusOK, json.RawMessage(append(secret, shown[1:]...)))
}

// makeSecret makes a secret for a session object, which may be missing.
func (s *Server) makeSecret(r *http.Request, raw json.RawMessage, life time.Duration) (value string, expires time.Time, shown json.RawMessage, err error) {
	config, err := decodeSession(raw)
	if err != nil {
		return "", expires, nil, err
	}
	now := time.Now()
	expires = now.Add(life)
	value, err = s.secrets.Make(keys.Secret{Owner: senderOf(r).holder, Expires: expires, Value: config, Bytes: len(raw)}, now)
	if err != nil {
		return "", expires, nil, overloaded("%v", err)
	}
	start := realtime.DefaultSession()
	start.ID, start.Model, start.Instructions = newID("sess_"), s.name, s.o.Instructions
	if config.model != "" {
		start.Model = config.model
	}
	full := config.patch.Apply(start)
	return value, expires, encodeSession(&full), nil
}

// decodeSession reads a session object as session.update has it.
func decodeSession(raw json.RawMessage) (*sessionConfig, error) {
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || string(raw) == "null" {
		return &sessionConfig{}, nil
	}
	event, err := realtime.Decode(append(append([]byte(`{"type":"session.update","session":`), raw...), '}'))
	if err != nil {
		return nil, err
	}
	if len(raw) > session.MaxEventBytes {
		return nil, realtime.Invalid(realtime.CodeTooLong, "session", "the session has %d bytes, want at most %d", len(raw), session.MaxEventBytes)
	}
	var named struct{ Model string }
	_ = json.Unmarshal(raw, &named) // the model is a string, says the schema
	if len(named.Model) > maxModelName {
		named.Model = ""
	}
	update, ok := event.(realtime.SessionUpdate)
	if !ok {
		return nil, fmt.Errorf("server: a session.update became a %T", event)
	}
	return &sessionConfig{named.Model, update.Session}, nil
}

// encodeSession writes a session as its session.created event would.
func encodeSession(of *realtime.Session) json.RawMessage {
	var event struct{ Session json.RawMessage }
	_ = json.Unmarshal(realtime.Append(nil, "", realtime.SessionCreated{Session: of}), &event) // our own JSON
	return event.Session
}
