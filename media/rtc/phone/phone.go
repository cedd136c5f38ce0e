// Package phone is the client's side of a call over WebRTC: what a browser
// does, for tests and measurements.
//
// Start reading at Dial.
package phone

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/transport/v5"
	"github.com/pion/webrtc/v4"

	"hark/media/jitter"
	"hark/media/opus"
)

// Channel is what clients call the data channel.
const Channel = "oai-events"

// Options are the choices of a phone.
type Options struct {
	// URL is the server's, "http://host:port/v1/realtime/calls" with what
	// query it takes; Key is sent as a bearer token unless it is "".
	URL, Key string
	// Session is sent beside the offer; nil sends the offer alone.
	Session json.RawMessage
	// HTTP asks; nil is a client of its own. With Exchange nothing is asked:
	// it turns an offer into an answer.
	HTTP     *http.Client
	Exchange func(ctx context.Context, offer string) (answer string, err error)
	// Net is the network of the call; nil is the machine's.
	Net transport.Net
	// Camera adds a video track, Silent leaves out the microphone, TCP uses no
	// UDP, and Deaf never reads an event.
	Camera, Silent, TCP, Deaf bool
	// RED repeats each packet of the microphone in the next, if the server
	// takes that.
	RED bool
	// MaxEvent is the longest event that the caller says it takes, 256 KiB.
	MaxEvent uint32
	// Heard gets the server's voice as it comes, samples at opus.DecodedRate
	// in order and without gaps, on a goroutine of the phone's; nil hears
	// nothing.
	Heard func(samples []float32)
	// Mangle gets each packet of the microphone and returns those that are
	// sent in its place; nil sends it.
	Mangle func(p *rtp.Packet) []*rtp.Packet
}

// Phone is one call.
type Phone struct {
	// ID is the call's, of the answer's Location.
	ID string
	// PC is pion's connection.
	PC *webrtc.PeerConnection

	o           Options
	channel     *webrtc.DataChannel
	open        chan struct{}
	closed      chan struct{}
	once        sync.Once
	events      chan []byte
	wanted      chan struct{}
	vanish      func()
	sound       *webrtc.TrackLocalStaticRTP
	video       *webrtc.TrackLocalStaticRTP
	encoder     *opus.Encoder
	header      rtp.Header
	before      []byte // the packet before, for RED
	beforeTicks int
	wg          sync.WaitGroup
	stats       jitter.Counts
	statsGuard  sync.Mutex
}

// queue is how many events wait for Recv. Full: SCTP pushes back.
const queue = 4096

// Dial calls and waits until the data channel is open.
func Dial(ctx context.Context, o Options) (*Phone, error) {
	c, err := newPhone(o)
	if err != nil {
		return nil, fmt.Errorf("phone: %w", err)
	}
	if err := c.Offer(ctx, false); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	select {
	case <-c.open:
		return c, nil
	case <-c.closed:
		return nil, errors.Join(errors.New("phone: the call ended before its channel was open"), c.Close())
	case <-ctx.Done():
		return nil, errors.Join(fmt.Errorf("phone: %w", ctx.Err()), c.Close())
	}
}

// newPhone makes the connection with its tracks.
func newPhone(o Options) (*Phone, error) {
	if o.MaxEvent == 0 {
		o.MaxEvent = 256 << 10
	}
	var s webrtc.SettingEngine
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetIncludeLoopbackCandidate(true)
	s.SetSCTPMaxMessageSize(o.MaxEvent)
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6})
	if o.TCP {
		s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6})
	}
	vanish := func() {}
	switch {
	case o.Net != nil:
		s.SetNet(o.Net)
	case !o.TCP:
		conn, err := net.ListenUDP("udp", nil)
		if err != nil {
			return nil, err
		}
		mux := webrtc.NewICEUDPMux(nil, conn)
		s.SetICEUDPMux(mux)
		vanish = func() { mux.Close() }
	}
	m := &webrtc.MediaEngine{}
	err := m.RegisterDefaultCodecs()
	if err == nil && o.RED {
		err = m.RegisterCodec(webrtc.RTPCodecParameters{PayloadType: 63, RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: mimeRED, ClockRate: opus.Clock, Channels: 2, SDPFmtpLine: "111/111"}}, webrtc.RTPCodecTypeAudio)
	}
	if err != nil {
		return nil, err
	}
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(s), webrtc.WithMediaEngine(m)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, err
	}
	c := &Phone{PC: pc, o: o, open: make(chan struct{}), closed: make(chan struct{}), events: make(chan []byte, queue), wanted: make(chan struct{}, 1), vanish: vanish}
	if err := c.prepare(); err != nil {
		vanish()
		return nil, errors.Join(err, pc.GracefulClose())
	}
	return c, nil
}

// prepare adds the tracks and the channel.
func (c *Phone) prepare() (err error) {
	add := func(mime, id string, rate uint32, channels uint16) (*webrtc.TrackLocalStaticRTP, error) {
		track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: mime, ClockRate: rate, Channels: channels}, id, "phone")
		if err != nil {
			return nil, err
		}
		sender, err := c.PC.AddTrack(track)
		if err != nil {
			return nil, err
		}
		c.wg.Go(func() { c.runReports(sender) })
		return track, nil
	}
	if c.encoder, err = opus.NewEncoder(); err != nil {
		return err
	}
	if !c.o.Silent {
		mime := webrtc.MimeTypeOpus
		if c.o.RED {
			mime = mimeRED
		}
		if c.sound, err = add(mime, "microphone", opus.Clock, 2); err != nil {
			return err
		}
	}
	if c.o.Camera {
		if c.video, err = add(webrtc.MimeTypeVP8, "camera", 90000, 0); err != nil {
			return err
		}
	}
	if c.channel, err = c.PC.CreateDataChannel(Channel, nil); err != nil {
		return err
	}
	c.channel.OnOpen(func() { close(c.open) })
	c.channel.OnMessage(func(m webrtc.DataChannelMessage) {
		if c.o.Deaf {
			<-c.closed
		}
		select {
		case c.events <- m.Data:
		case <-c.closed:
		}
	})
	c.channel.OnClose(c.end)
	c.PC.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateFailed || s == webrtc.PeerConnectionStateClosed {
			c.end()
		}
	})
	c.PC.OnTrack(func(t *webrtc.TrackRemote, r *webrtc.RTPReceiver) {
		c.wg.Go(func() { drain(r.Read) })
		c.wg.Go(func() { c.runHearing(t) })
	})
	return nil
}

func (c *Phone) over() bool {
	select {
	case <-c.closed:
		return true
	default:
		return false
	}
}

func (c *Phone) end() { c.once.Do(func() { close(c.closed) }) }

// drain reads reports, for the interceptors.
func drain[A any](read func([]byte) (int, A, error)) {
	for buf := make([]byte, 1500); ; {
		if _, _, err := read(buf); err != nil {
			return
		}
	}
}

// runReports reads what the server says of a track.
func (c *Phone) runReports(sender *webrtc.RTPSender) {
	for {
		packets, _, err := sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, p := range packets {
			if _, ok := p.(*rtcp.PictureLossIndication); ok {
				select {
				case c.wanted <- struct{}{}:
				default:
				}
			}
		}
	}
}

// Wanted gets a token when the server asks for a keyframe.
func (c *Phone) Wanted() <-chan struct{} { return c.wanted }

// Offer makes an offer and takes the answer: the first, or one that restarts
// ICE.
func (c *Phone) Offer(ctx context.Context, restart bool) error {
	offer, err := c.PC.CreateOffer(&webrtc.OfferOptions{ICERestart: restart})
	if err != nil {
		return fmt.Errorf("phone: %w", err)
	}
	if err := c.PC.SetLocalDescription(offer); err != nil {
		return fmt.Errorf("phone: %w", err)
	}
	exchange := c.post
	if c.o.Exchange != nil {
		exchange = c.o.Exchange
	}
	// As browsers do: without a candidate. The server learns where from the
	// call comes when it comes.
	answer, err := exchange(ctx, offer.SDP)
	if err != nil {
		return err
	}
	if err := c.PC.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		return fmt.Errorf("phone: %w", err)
	}
	return nil
}

// post sends an offer to the server.
func (c *Phone) post(ctx context.Context, offer string) (string, error) {
	url, body, kind := c.o.URL, bytes.NewBufferString(offer), "application/sdp"
	if c.ID != "" {
		base, _, _ := strings.Cut(url, "?")
		url = base + "/" + c.ID
	} else if c.o.Session != nil {
		body = &bytes.Buffer{}
		form := multipart.NewWriter(body)
		if err := errors.Join(form.WriteField("sdp", offer), form.WriteField("session", string(c.o.Session)), form.Close()); err != nil {
			return "", fmt.Errorf("phone: %w", err)
		}
		kind = form.FormDataContentType()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, body)
	if err != nil {
		return "", fmt.Errorf("phone: %w", err)
	}
	req.Header.Set("Content-Type", kind)
	if c.o.Key != "" {
		req.Header.Set("Authorization", "Bearer "+c.o.Key)
	}
	client := c.o.HTTP
	if client == nil {
		transport := &http.Transport{}
		defer transport.CloseIdleConnections()
		client = &http.Client{Transport: transport}
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", fmt.Errorf("phone: %w", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", fmt.Errorf("phone: %w", err)
	}
	if resp.StatusCode/100 != 2 {
		return "", fmt.Errorf("phone: %s: %.500s", resp.Status, answer)
	}
	if at := resp.Header.Get("Location"); at != "" {
		c.ID = at[strings.LastIndexByte(at, '/')+1:]
	}
	return string(answer), nil
}

// Send sends one event.
func (c *Phone) Send(event []byte) error {
	if err := c.channel.SendText(string(event)); err != nil {
		return fmt.Errorf("phone: %w", err)
	}
	return nil
}

// Recv returns the next event. io.EOF: the call is over.
func (c *Phone) Recv(ctx context.Context) ([]byte, error) {
	select {
	case ev := <-c.events:
		return ev, nil
	default:
	}
	select {
	case ev := <-c.events:
		return ev, nil
	case <-c.closed:
		select {
		case ev := <-c.events:
			return ev, nil
		default:
			return nil, io.EOF
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Say sends one frame of the microphone: opus.FrameSamples samples at
// opus.EncodedRate. The caller keeps the pace.
func (c *Phone) Say(frame []float32) error {
	packet, err := c.encoder.Encode(frame)
	if err != nil {
		return err
	}
	return c.SayPacket(packet, opus.FrameSamples)
}

// SayPacket sends a packet of Opus that lasts so many ticks.
func (c *Phone) SayPacket(packet []byte, ticks int) error {
	c.header.Version = 2
	c.header.SequenceNumber++
	p := &rtp.Packet{Header: c.header, Payload: packet}
	c.header.Timestamp += uint32(ticks)
	if c.o.RED {
		p.Payload = c.repeat(packet, ticks)
	}
	list := []*rtp.Packet{p}
	if c.o.Mangle != nil {
		p.Payload = bytes.Clone(p.Payload)
		list = c.o.Mangle(p)
	}
	for _, p := range list {
		if err := c.sound.WriteRTP(p); err != nil {
			return fmt.Errorf("phone: %w", err)
		}
	}
	return nil
}

// mimeRED is sound with the packet before in each (RFC 2198).
const mimeRED = "audio/red"

// repeat returns a packet with the one before in front.
func (c *Phone) repeat(packet []byte, ticks int) []byte {
	const opusType = 111
	var out []byte
	if c.before != nil {
		out = binary.BigEndian.AppendUint32(nil, (0x80|opusType)<<24|uint32(c.beforeTicks)<<10|uint32(len(c.before)))
	}
	out = append(append(append(out, opusType), c.before...), packet...)
	c.before, c.beforeTicks = bytes.Clone(packet), ticks
	return out
}

// Show sends an RTP packet of the camera.
func (c *Phone) Show(p *rtp.Packet) error {
	if err := c.video.WriteRTP(p); err != nil {
		return fmt.Errorf("phone: %w", err)
	}
	return nil
}

// Sound returns what became of the voice's packets.
func (c *Phone) Sound() jitter.Counts {
	c.statsGuard.Lock()
	defer c.statsGuard.Unlock()
	return c.stats
}

// runHearing decodes the server's voice until its track ends.
func (c *Phone) runHearing(t *webrtc.TrackRemote) {
	decoder, err := opus.NewDecoder()
	if err != nil {
		return
	}
	began, buffer, buf := time.Now(), jitter.New(opus.Clock), make([]byte, 1500)
	for {
		n, _, err := t.Read(buf)
		if err != nil {
			return
		}
		var p rtp.Packet
		if p.Unmarshal(buf[:n]) != nil {
			continue
		}
		ticks, err := opus.Ticks(p.Payload)
		if err != nil {
			continue
		}
		buffer.Push(jitter.Packet{Number: p.SequenceNumber, Time: p.Timestamp, Ticks: ticks, Payload: bytes.Clone(p.Payload)}, time.Since(began))
		for {
			piece, ok := buffer.Pop(time.Since(began))
			if !ok {
				break
			}
			if sound := decoder.Piece(piece); c.o.Heard != nil {
				c.o.Heard(sound)
			}
		}
		c.statsGuard.Lock()
		c.stats = buffer.Counts()
		c.statsGuard.Unlock()
	}
}

// Vanish breaks the call off without a word, as a machine that is switched off:
// only for calls over the machine's own UDP.
func (c *Phone) Vanish() {
	c.vanish()
	c.end()
}

// Close hangs up, once the server has what was sent, and returns when all
// goroutines have ended.
func (c *Phone) Close() error {
	for range 200 { // for a second
		if c.over() || c.channel == nil || c.channel.BufferedAmount() == 0 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	err := c.PC.GracefulClose()
	c.vanish()
	c.end()
	c.wg.Wait()
	if err != nil {
		return fmt.Errorf("phone: %w", err)
	}
	return nil
}
