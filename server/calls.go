package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"

	"hark/media"
	"hark/media/rtc"
	"hark/media/ws"
	"hark/session"
	"hark/session/realtime"
)

// WebRTC says where calls are reached. The zero value works.
type WebRTC struct {
	// Off refuses calls.
	Off bool
	// Port is the UDP port of all calls. 0 is the number of the HTTP port, or
	// if somebody has that already, any free one.
	Port int
	// PublicIPs are addresses under which the same ports are reached from
	// elsewhere, besides the machine's own.
	PublicIPs []netip.Addr
	// FullRange is as in rtc.Options.
	FullRange bool
}

// Codes that only calls have.
const (
	codeNoWebRTC = "webrtc_not_available"
	codeOffer    = "invalid_offer"
)

// maxCallBody is the longest body that begins a call: an offer and a session.
const maxCallBody = rtc.MaxOffer + 1<<20

// calls are the calls in progress.
type calls struct {
	mu   sync.Mutex
	host *rtc.Host // nil before Serve, and if there is none
	byID map[string]*ongoing
}

// ongoing is a session over WebRTC.
type ongoing struct {
	id    string
	owner string // who may join it and hang up
	conn  *rtc.Conn
	party *party
}

// openCalls opens the ports of calls, for a server that listens on ln, and
// returns the listener for HTTP.
func (s *Server) openCalls(ln net.Listener) (net.Listener, error) {
	at, ok := ln.Addr().(*net.TCPAddr)
	if s.o.WebRTC.Off || !ok { // or it is no network's: nobody calls there
		return ln, nil
	}
	host, port := at.IP.String(), at.Port
	if at.IP.IsUnspecified() {
		host = "" // IPv4 and IPv6
	}
	o := rtc.Options{PublicIPs: s.o.WebRTC.PublicIPs, FullRange: s.o.WebRTC.FullRange, Log: s.log}
	if own := s.o.WebRTC.Port; own != 0 && own != port {
		port = own
		tcp, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			return nil, fmt.Errorf("server: calls: %w", err)
		}
		o.TCP = tcp
	} else {
		both := sharePort(ln)
		ln, o.TCP = both, both.ice
	}
	o.Addr = net.JoinHostPort(host, strconv.Itoa(port))
	h, err := rtc.NewHost(o)
	if err != nil && s.o.WebRTC.Port == 0 {
		s.log.Warn("the UDP port of calls is taken, another is used", "addr", o.Addr, "err", err)
		o.Addr = net.JoinHostPort(host, "0")
		h, err = rtc.NewHost(o)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("server: calls: %w", err), o.TCP.Close())
	}
	s.log.Info("calls", "udp", h.Addr().String(), "tcp", o.TCP.Addr().String())
	s.calls.mu.Lock()
	s.calls.host = h
	s.calls.mu.Unlock()
	return ln, nil
}

// closeCalls closes the ports. All calls have ended.
func (s *Server) closeCalls() error {
	s.calls.mu.Lock()
	h := s.calls.host
	s.calls.host = nil
	s.calls.mu.Unlock()
	if h == nil {
		return nil
	}
	return h.Close()
}

// find returns a call that a caller may see.
func (c *calls) find(id string, who sender) *ongoing {
	c.mu.Lock()
	defer c.mu.Unlock()
	if found := c.byID[id]; found != nil && found.owner == who.id() {
		return found
	}
	return nil
}

// add and drop keep the list of calls.
func (c *calls) add(found *ongoing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byID == nil {
		c.byID = map[string]*ongoing{}
	}
	c.byID[found.id] = found
}

func (c *calls) drop(found *ongoing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.byID, found.id)
}

// answerer returns what answers calls, nil if nothing does.
func (c *calls) answerer() *rtc.Host {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.host
}

// createCall answers the offer of a client with a new session.
func (s *Server) createCall(w http.ResponseWriter, r *http.Request) {
	s.answerCall(w, r, asksForBeta(r))
}

// oldCall does the same in the form of the older protocol.
func (s *Server) oldCall(w http.ResponseWriter, r *http.Request) { s.answerCall(w, r, true) }

func (s *Server) answerCall(w http.ResponseWriter, r *http.Request, beta bool) {
	host := s.calls.answerer()
	if host == nil {
		refuse(w, http.StatusNotImplemented, codeNoWebRTC, "", "this server takes no calls over WebRTC")
		return
	}
	offer, config, err := s.readCall(w, r)
	if err != nil {
		s.fail(w, err)
		return
	}
	who := senderOf(r)
	resume := r.URL.Query().Get("conversation_id")
	if resume != "" && !s.shelf.Has(resume, who.id()) {
		// Behind an answer nobody would hear of it: the client is not there yet.
		s.fail(w, realtime.Invalid(realtime.CodeUnknownConversation, "conversation_id", "the conversation %.64q is not kept", resume))
		return
	}
	if !s.enterSession(w, who) {
		return
	}
	conn, answer, err := host.Answer(r.Context(), offer)
	if err != nil {
		s.leaveSession(who)
		s.failCall(w, err)
		return
	}
	s.metrics.opened.Inc()
	o := s.sessionOptions(context.WithoutCancel(r.Context()), who)
	if config != nil {
		o.Config = &config.patch
		if config.model != "" {
			o.Model = config.model
		}
	}
	query := r.URL.Query()
	if name := query.Get("model"); name != "" && len(name) <= maxModelName {
		o.Model = name
	}
	o.Transcribe = o.Transcribe || query.Get("intent") == "transcription"
	o.Beta = beta
	o.Resume = resume
	c := &ongoing{id: newID("rtc_"), owner: who.id(), conn: conn, party: newParty(conn)}
	s.calls.add(c)
	go s.runCall(c, who, o) // leaveSession says when it has ended
	w.Header().Set("Location", "/v1/realtime/calls/"+c.id)
	writeSDP(w, http.StatusCreated, answer)
}

// eventsAlone is a call that plays nothing.
type eventsAlone struct{ media.Watcher }

// runCall holds the session of a call.
func (s *Server) runCall(c *ongoing, who sender, o session.Options) {
	defer s.leaveSession(who)
	defer s.calls.drop(c)
	defer c.party.Close(closeInternal, "the server failed") // Run closes it too
	var conn media.Conn = c.party
	if !c.conn.Speaks() {
		conn = eventsAlone{c.party} // sound comes in events, as over a WebSocket
	}
	err := session.Run(s.life, conn, o)
	if err != nil && !errors.Is(err, session.ErrShutdown) && !errors.Is(err, io.EOF) {
		s.log.Debug("call broke off", "err", err) // the session logged its end
	}
}

// failCall answers with why a call did not come about.
func (s *Server) failCall(w http.ResponseWriter, err error) {
	if errors.Is(err, rtc.ErrOffer) {
		err = realtime.Invalid(codeOffer, "sdp", "%v", err)
	}
	s.fail(w, err)
}

func writeSDP(w http.ResponseWriter, status int, sdp string) {
	w.Header().Set("Content-Type", "application/sdp")
	w.WriteHeader(status)
	io.WriteString(w, sdp) // a client that left needs no answer
}

// readCall reads the body that begins a call: the offer, or a form of the offer
// and a session, nil for none.
func (s *Server) readCall(w http.ResponseWriter, r *http.Request) (offer string, config *sessionConfig, err error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxCallBody)
	data, err := s.readBody(w, r)
	if err != nil {
		return "", nil, err
	}
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return string(data), nil, nil
	}
	form := multipart.NewReader(strings.NewReader(string(data)), params["boundary"])
	for {
		part, err := form.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return "", nil, realtime.Invalid("invalid_form", "", "the form cannot be read: %v", err)
		}
		value, err := io.ReadAll(part)
		if err != nil {
			return "", nil, realtime.Invalid("invalid_form", "", "the form cannot be read: %v", err)
		}
		switch part.FormName() {
		case "sdp":
			offer = string(value)
		case "session":
			if config, err = s.callSession(value); err != nil {
				return "", nil, err
			}
		}
	}
	if offer == "" {
		return "", nil, realtime.Invalid(realtime.CodeMissing, "sdp", "the form has no field sdp")
	}
	return offer, config, nil
}

// callSession reads the session of a form.
func (s *Server) callSession(data []byte) (*sessionConfig, error) {
	var value any
	if err := json.Unmarshal(data, &value); err != nil {
		return nil, realtime.Invalid("invalid_json", "session", "the session is not JSON: %v", err)
	}
	if fault := s.document.Check("RealtimeSession", value); fault != nil {
		return nil, faultError(fault)
	}
	return decodeSession(data)
}

// updateCall answers a further offer of a call: its network changed, or it got
// a camera.
func (s *Server) updateCall(w http.ResponseWriter, r *http.Request) {
	c := s.calls.find(r.PathValue("id"), senderOf(r))
	if c == nil {
		noCall(w, "")
		return
	}
	offer, _, err := s.readCall(w, r)
	if err != nil {
		s.fail(w, err)
		return
	}
	answer, err := c.conn.Renegotiate(r.Context(), offer)
	if err != nil {
		s.failCall(w, err)
		return
	}
	writeSDP(w, http.StatusOK, answer)
}

// hangup ends a call.
func (s *Server) hangup(w http.ResponseWriter, r *http.Request) {
	c := s.calls.find(r.PathValue("id"), senderOf(r))
	if c == nil {
		noCall(w, "")
		return
	}
	c.conn.Hangup()
	w.WriteHeader(http.StatusOK)
}

// joinCall lets a WebSocket take part in a call. It counts as no session.
func (s *Server) joinCall(w http.ResponseWriter, r *http.Request, c *ongoing) {
	s.mu.Lock()
	closing := s.life.Err() != nil
	if !closing {
		s.running.Add(1) // Close waits from when life ends
	}
	s.mu.Unlock()
	if closing {
		noCall(w, "call_id")
		return
	}
	defer s.running.Done()
	conn, err := ws.Accept(w, r, &ws.Options{Origins: exactly(r)})
	if err != nil {
		s.log.Debug("websocket refused", "err", err) // the client was told
		return
	}
	defer conn.Close(closeInternal, "the server failed")
	if err := c.party.join(conn); err != nil {
		s.log.Debug("joining a call", "err", err)
	}
}

// noCall answers requests about a call that there is not, or not for them.
func noCall(w http.ResponseWriter, param string) {
	refuse(w, http.StatusNotFound, "call_not_found", param, "there is no such call")
}
