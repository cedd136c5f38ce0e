package rtc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"

	"hark/media"
	"hark/media/opus"
)

const closeNormal = 1000

const (
	inbox        = 50                    // events that wait for Recv; full: SCTP pushes back
	large        = 256 << 10             // bytes of an event of which no second one waits
	maxSound     = 10 * opus.DecodedRate // samples that wait for Recv; full: the oldest go
	drainTimeout = 2 * time.Second       // for what is queued when Close is called
)

// Conn is one call. It is a media.Player.
type Conn struct {
	pc    *webrtc.PeerConnection
	o     *Options
	voice *voice
	// speaks is set before Answer returns.
	speaks bool

	events chan media.Event // of the client
	large  chan struct{}    // holds a token if one of them is large

	mu    sync.Mutex
	sound []float32     // of the microphone, not received yet
	heard chan struct{} // holds one token if there is sound
	// microphones counts them: of several tracks of sound the newest is heard.
	microphones atomic.Int64
	picture     chan media.Picture
	looking     chan bool // how eagerly the camera is watched, the newest counts

	out      chan media.Event // to the client
	outgoing *outgoing

	connected chan struct{} // closed: the client is there
	connect   sync.Once

	failOnce sync.Once
	abort    context.CancelFunc
	dead     <-chan struct{} // closed: the call is over, err says why
	err      error

	closeOnce   sync.Once
	shut        context.CancelFunc
	closing     <-chan struct{} // closed: Close was called, or dead
	closed      chan struct{}
	wg          sync.WaitGroup
	negotiating sync.Mutex
}

var (
	_ media.Player  = (*Conn)(nil)
	_ media.Watcher = (*Conn)(nil)
)

// newConn makes a call of a connection without an offer yet.
func newConn(h *Host, pc *webrtc.PeerConnection) (*Conn, error) {
	life, abort := context.WithCancel(context.Background())
	open, shut := context.WithCancel(life)
	c := &Conn{
		pc: pc, o: &h.o,
		events:    make(chan media.Event, inbox),
		large:     make(chan struct{}, 1),
		heard:     make(chan struct{}, 1),
		picture:   make(chan media.Picture, 1),
		looking:   make(chan bool, 1),
		out:       make(chan media.Event, Queue),
		outgoing:  newOutgoing(),
		connected: make(chan struct{}),
		abort:     abort, dead: life.Done(),
		shut: shut, closing: open.Done(),
		closed: make(chan struct{}),
	}
	var err error
	if c.voice, err = newVoice(); err != nil {
		return nil, err
	}
	sender, err := pc.AddTrack(c.voice.track)
	if err != nil {
		return nil, fmt.Errorf("rtc: %w", err)
	}
	for _, t := range pc.GetTransceivers() { // the voice's, and so the microphone's
		if err := preferRED(t); err != nil {
			return nil, fmt.Errorf("rtc: %w", err)
		}
	}
	pc.OnConnectionStateChange(c.changed)
	pc.OnDataChannel(c.channel)
	pc.OnTrack(c.track)
	c.wg.Go(func() { c.runReports(sender) })
	c.wg.Go(c.runWriter)
	c.wg.Go(c.runVoice)
	c.wg.Go(c.runWatch)
	return c, nil
}

// runWatch ends a call whose client never comes.
func (c *Conn) runWatch() {
	timer := time.NewTimer(c.o.ConnectTimeout)
	defer timer.Stop()
	select {
	case <-timer.C:
		c.fail(ErrNever)
	case <-c.connected:
	case <-c.closing:
	}
}

// runReports reads what the client says of the voice's track: the interceptors
// work on what passes here.
func (c *Conn) runReports(sender *webrtc.RTPSender) {
	buf := make([]byte, rtpMTU)
	for {
		if _, _, err := sender.Read(buf); err != nil {
			return
		}
	}
}

// changed follows the state of the connection.
func (c *Conn) changed(state webrtc.PeerConnectionState) {
	switch state {
	case webrtc.PeerConnectionStateConnected:
		if !c.outgoing.wanted() { // a call of sound alone has no channel to wait for
			c.arrived()
		}
		c.voice.start()
	case webrtc.PeerConnectionStateFailed:
		c.fail(ErrGone)
	case webrtc.PeerConnectionStateClosed:
		// With a channel its end says so, behind what was sent before.
		if !c.outgoing.has() {
			c.fail(io.EOF)
		}
	}
}

// arrived says that the client is there.
func (c *Conn) arrived() { c.connect.Do(func() { close(c.connected) }) }

// negotiate answers an offer: the first, or a later one that restarts ICE or
// adds a track.
func (c *Conn) negotiate(ctx context.Context, offer string) (string, error) {
	c.negotiating.Lock()
	defer c.negotiating.Unlock()
	if err := checkOffer(offer); err != nil {
		return "", err
	}
	first := c.pc.RemoteDescription() == nil
	if err := c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		return "", fmt.Errorf("%w: %.200v", ErrOffer, err)
	}
	// Nobody connects by an offer before its answer, so this is early enough;
	// one that was refused changes nothing.
	c.outgoing.want(offer)
	if first {
		c.speaks = strings.Contains(offer, "\nm=audio ")
	}
	answer, err := c.pc.CreateAnswer(nil)
	if err != nil {
		return "", fmt.Errorf("%w: %.200v", ErrOffer, err)
	}
	gathered := webrtc.GatheringCompletePromise(c.pc)
	if err := c.pc.SetLocalDescription(answer); err != nil {
		return "", fmt.Errorf("%w: %.200v", ErrOffer, err)
	}
	select {
	case <-gathered:
	case <-ctx.Done():
		return "", ctx.Err()
	case <-c.closing:
		return "", c.ended()
	}
	return c.pc.LocalDescription().SDP, nil
}

// Speaks reports whether the client takes sound: whether its first offer had a
// section of it. What is played to one that does not is lost.
func (c *Conn) Speaks() bool { return c.speaks }

// Renegotiate answers a further offer of the same client: one that restarts
// ICE because its network changed, or adds a camera.
func (c *Conn) Renegotiate(ctx context.Context, offer string) (string, error) {
	return c.negotiate(ctx, offer)
}

// Hangup ends the call as if the client had left.
func (c *Conn) Hangup() { c.fail(io.EOF) }

// Recv returns the next event, sound or picture of the client. Events keep
// their order; of sound there is one packet for all that has come.
func (c *Conn) Recv(ctx context.Context) (media.Packet, error) {
	for {
		select { // what was sent before the end comes before it
		case ev := <-c.events:
			return c.taken(ev), nil
		default:
		}
		select {
		case ev := <-c.events:
			return c.taken(ev), nil
		case <-c.heard:
			if a, ok := c.takeSound(); ok {
				return a, nil
			}
		case p := <-c.picture:
			return p, nil
		case <-c.closing:
			select {
			case ev := <-c.events:
				return c.taken(ev), nil
			default:
				return nil, c.ended()
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// taken makes room for the next large event.
func (c *Conn) taken(ev media.Event) media.Event {
	if len(ev) > large {
		select {
		case <-c.large:
		default: // the call was about to end
		}
	}
	return ev
}

// hear hands sound to Recv.
func (c *Conn) hear(samples []float32) {
	c.mu.Lock()
	c.sound = append(c.sound, samples...)
	if over := len(c.sound) - maxSound; over > 0 {
		c.sound = append(c.sound[:0], c.sound[over:]...)
	}
	c.mu.Unlock()
	select {
	case c.heard <- struct{}{}:
	default:
	}
}

func (c *Conn) takeSound() (media.Audio, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	samples := c.sound
	c.sound = nil
	return media.Audio{Rate: opus.DecodedRate, Samples: samples}, len(samples) > 0
}

// see hands a picture to Recv. The newest wins.
func (c *Conn) see(p media.Picture) {
	for {
		select {
		case c.picture <- p:
			return
		default:
		}
		select {
		case <-c.picture:
		default:
		}
	}
}

// ended returns why the connection takes nothing more, or nil.
func (c *Conn) ended() error {
	select {
	case <-c.closing:
	default:
		return nil
	}
	select {
	case <-c.dead:
		return c.err
	default:
		return ErrClosed
	}
}

// fail ends the call, for the first reason.
func (c *Conn) fail(err error) {
	c.failOnce.Do(func() {
		c.err = err
		c.abort()
	})
}

// Close sends what is queued, tells the client why, hangs up, and returns when
// the goroutines have ended. A client that is gone or too slow is not told. The
// first call decides code and reason, the others wait for it.
func (c *Conn) Close(code int, reason string) error {
	var err error
	c.closeOnce.Do(func() {
		if code != closeNormal && c.ended() == nil {
			_ = c.Send(context.Background(), goodbye(code, reason)) // or the client is too slow for it
		}
		c.shut()
		stuck := time.AfterFunc(drainTimeout, func() { c.fail(ErrSlow) })
		c.outgoing.drained(c.dead)
		stuck.Stop()
		c.fail(ErrClosed)
		err = c.pc.GracefulClose()
		c.wg.Wait()
		close(c.closed)
	})
	<-c.closed
	if err != nil && !errors.Is(err, io.ErrClosedPipe) {
		return fmt.Errorf("rtc: %w", err)
	}
	return nil
}
