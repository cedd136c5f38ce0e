// Package rtc carries a session over WebRTC: events on a data channel, the
// microphone and the voice as Opus tracks, a camera as a VP8 track.
//
// The client makes the offer, over HTTP, and gets an answer with all of the
// server's candidates; nothing is trickled (draft-ietf-wish-whip has the same
// shape). All calls share one UDP port, and one TCP port for networks that let
// no UDP through.
//
// A call's goroutines: pion's own; a writer of events; a pacer of the voice;
// and one for each track of the client. Close ends and awaits them.
//
// Start reading at Host.Answer, then Conn.
package rtc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/transport/v5"
	"github.com/pion/webrtc/v4"

	"hark/media/opus"
)

// The limits of calls.
const (
	// MaxOffer is the longest offer in bytes.
	MaxOffer = 64 << 10
	// MaxEvent is the longest event that a client may send.
	MaxEvent = 16 << 20
	// ConnectTimeout is how long a client may take from the answer until its
	// data channel is open.
	ConnectTimeout = 30 * time.Second
	// QuietAfter is how long nothing may come of a client before it counts as
	// disconnected, and GoneAfter how long it may be so, until it is gone.
	// Meanwhile it may connect anew (ICE restart).
	QuietAfter = 5 * time.Second
	GoneAfter  = 20 * time.Second
)

const (
	receiveBuffer = 2 << 20 // of the sockets, where the kernel allows it
	rtpMTU        = 1500
	keepalive     = 2 * time.Second
)

// Errors that callers tell apart.
var (
	// ErrOffer: what was sent is no offer that can be answered.
	ErrOffer = errors.New("rtc: cannot answer the offer")
	// ErrGone: the client does not answer any more.
	ErrGone = errors.New("rtc: the client is gone")
	// ErrNever: the client got an answer and never connected.
	ErrNever = errors.New("rtc: the client never connected")
	// ErrSlow: the client does not take its events.
	ErrSlow = errors.New("rtc: the client is too slow")
	// ErrClosed: Close was called.
	ErrClosed = errors.New("rtc: closed")
)

// Options are the choices of a host. The zero value works: any free port of
// every interface.
type Options struct {
	// Addr is the address of the UDP port, "host:port". An empty host is
	// every interface, port 0 any free one.
	Addr string
	// TCP accepts connections of ICE over TCP; nil: there are none. The host
	// closes it.
	TCP net.Listener
	// PublicIPs are addresses under which clients reach the same ports from
	// elsewhere: of a NAT or of a container's host. They come besides the
	// machine's own.
	PublicIPs []netip.Addr
	// FullRange says that cameras use all values of luma. VP8 has no field
	// for it; nearly all use 16 to 235.
	FullRange bool
	// Log receives pion's warnings, at its debug level; nil discards.
	Log *slog.Logger

	// ConnectTimeout, QuietAfter, GoneAfter and SlowAfter replace the
	// constants of the same name where they are not 0.
	ConnectTimeout, QuietAfter, GoneAfter, SlowAfter time.Duration

	net transport.Net // a virtual network in tests
}

// Host answers calls on its ports.
type Host struct {
	o   Options
	api *webrtc.API
	udp ice.UDPMux
	tcp ice.TCPMux
	at  netip.AddrPort
}

// NewHost opens the ports.
func NewHost(o Options) (*Host, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.ConnectTimeout = or(o.ConnectTimeout, ConnectTimeout)
	o.QuietAfter = or(o.QuietAfter, QuietAfter)
	o.GoneAfter = or(o.GoneAfter, GoneAfter)
	o.SlowAfter = or(o.SlowAfter, SlowAfter)
	h := &Host{o: o}
	var s webrtc.SettingEngine
	s.LoggerFactory = loggers{o.Log}
	if o.net == nil {
		if err := h.listen(&s); err != nil {
			return nil, err
		}
	} else {
		s.SetNet(o.net)
	}
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetIncludeLoopbackCandidate(true)
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6, webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6})
	s.DisableActiveTCP(true)
	s.SetICETimeouts(o.QuietAfter, o.GoneAfter, min(keepalive, o.QuietAfter/3))
	s.SetSCTPMaxMessageSize(MaxEvent)
	s.SetSCTPMaxReceiveBufferSize(MaxEvent + 1<<20)
	s.SetReceiveMTU(rtpMTU)
	if len(o.PublicIPs) > 0 {
		rule := webrtc.ICEAddressRewriteRule{AsCandidateType: webrtc.ICECandidateTypeHost, Mode: webrtc.ICEAddressRewriteAppend}
		for _, ip := range o.PublicIPs {
			rule.External = append(rule.External, ip.String())
		}
		if err := s.SetICEAddressRewriteRules(rule); err != nil {
			return nil, errors.Join(fmt.Errorf("rtc: %w", err), h.Close())
		}
	}
	m, r, err := codecs()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("rtc: %w", err), h.Close())
	}
	h.api = webrtc.NewAPI(webrtc.WithSettingEngine(s), webrtc.WithMediaEngine(m), webrtc.WithInterceptorRegistry(r))
	return h, nil
}

func or[T ~int64](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}

// listen opens the UDP port and takes the TCP one.
func (h *Host) listen(s *webrtc.SettingEngine) error {
	log := s.LoggerFactory.NewLogger("ice")
	addr, err := net.ResolveUDPAddr("udp", h.o.Addr)
	if err != nil {
		return fmt.Errorf("rtc: %w", err)
	}
	conn, err := net.ListenUDP("udp", addr)
	if err != nil {
		return fmt.Errorf("rtc: %w", err)
	}
	_ = conn.SetReadBuffer(receiveBuffer) // what the kernel allows is enough
	h.udp = webrtc.NewICEUDPMux(log, conn)
	s.SetICEUDPMux(h.udp)
	if local, ok := conn.LocalAddr().(*net.UDPAddr); ok {
		h.at = local.AddrPort()
	}
	if h.o.TCP != nil {
		h.tcp = newCallsOverTCP(ice.TCPMuxParams{Listener: h.o.TCP, Logger: log, ReadBufferSize: 64, WriteBufferSize: 1 << 20,
			FirstStunBindTimeout: 10 * time.Second})
		s.SetICETCPMux(h.tcp)
	}
	return nil
}

func opusCodec() webrtc.RTPCodecCapability {
	return webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: opus.Clock, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1;stereo=0"}
}

func redCodec() webrtc.RTPCodecCapability {
	return webrtc.RTPCodecCapability{MimeType: mimeRED, ClockRate: opus.Clock, Channels: 2, SDPFmtpLine: redFormat}
}

// codecs are those that a client can choose from: one for sound, one for
// pictures, so that it cannot choose what is not understood here.
func codecs() (*webrtc.MediaEngine, *interceptor.Registry, error) {
	m, r := &webrtc.MediaEngine{}, &interceptor.Registry{}
	feedback := []webrtc.RTCPFeedback{{Type: "goog-remb"}, {Type: "ccm", Parameter: "fir"}, {Type: "nack"}, {Type: "nack", Parameter: "pli"}}
	err := errors.Join(
		m.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: opusCodec(), PayloadType: 111}, webrtc.RTPCodecTypeAudio),
		m.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: redCodec(), PayloadType: redType}, webrtc.RTPCodecTypeAudio),
		m.RegisterCodec(webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: videoClock, RTCPFeedback: feedback},
			PayloadType:        96,
		}, webrtc.RTPCodecTypeVideo),
		m.RegisterCodec(webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeRTX, ClockRate: videoClock, SDPFmtpLine: "apt=96"},
			PayloadType:        97,
		}, webrtc.RTPCodecTypeVideo),
		webrtc.ConfigureNack(m, r),
		webrtc.ConfigureRTCPReports(r),
		webrtc.ConfigureTWCCSender(m, r),
	)
	return m, r, err
}

// Addr returns the address of the UDP port.
func (h *Host) Addr() netip.AddrPort { return h.at }

// Close closes the ports. Calls are closed before.
func (h *Host) Close() error {
	var err error
	if h.tcp != nil {
		err = h.tcp.Close()
	}
	if h.udp != nil {
		err = errors.Join(err, h.udp.Close())
	}
	if err != nil {
		return fmt.Errorf("rtc: %w", err)
	}
	return nil
}

// Answer takes the offer of a client and returns its connection and the answer,
// which has all candidates. An offer that cannot be answered is ErrOffer. The
// caller closes the connection, also if the client never comes: then Recv
// returns ErrNever.
func (h *Host) Answer(ctx context.Context, offer string) (*Conn, string, error) {
	pc, err := h.api.NewPeerConnection(webrtc.Configuration{BundlePolicy: webrtc.BundlePolicyMaxBundle, RTCPMuxPolicy: webrtc.RTCPMuxPolicyRequire})
	if err != nil {
		return nil, "", fmt.Errorf("rtc: %w", err)
	}
	c, err := newConn(h, pc)
	if err != nil {
		return nil, "", errors.Join(err, pc.GracefulClose())
	}
	answer, err := c.negotiate(ctx, offer)
	if err != nil {
		return nil, "", errors.Join(err, c.Close(closeNormal, ""))
	}
	return c, answer, nil
}
