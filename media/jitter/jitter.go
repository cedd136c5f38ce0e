// Package jitter puts the packets of a sound track into order and makes one
// stream without gaps of them: what is lost is named, so that the decoder can
// conceal it, and where nothing was sent there is silence. Positions are RTP
// timestamps, which number samples; no clock is asked where a sound is.
//
// Nobody listens to this stream in real time but a model, so a packet that is
// in order goes on at once, whatever the network's jitter. Jitter decides only
// how long to wait for one that is missing, and when a silence counts as one.
//
// Start reading at Buffer.Push and Buffer.Pop.
package jitter

import (
	"time"
)

// The bounds of a buffer.
const (
	// Window is how many packets may wait for a missing one, 2.5 s of them.
	// Full: the missing one counts as lost.
	Window = 128
	// MinWait and MaxWait bound how long after its time a missing packet is
	// waited for; between them, the jitter decides.
	MinWait = 20 * time.Millisecond
	MaxWait = 250 * time.Millisecond
	// SilenceAfter is how long after its time sound may come before silence
	// takes its place, at the least: senders that save bandwidth send nothing
	// while it is silent (DTX).
	SilenceAfter = 100 * time.Millisecond
	// mostLost is how much sound is concealed in one place. Beyond it there
	// is silence.
	mostLost = 200 * time.Millisecond
	// mostSilence is the longest pause of a sender by its timestamps. What
	// claims to be longer is a sender that began anew.
	mostSilence = 10 * time.Second
	// mostBack and mostAhead are how far a packet's number may be from what
	// is expected. Two packets in a row beyond that: the sender began anew
	// (RFC 3550, A.1).
	mostBack, mostAhead = 100, 3000
)

// Kind says what a piece of the stream is.
type Kind int

// The kinds of pieces.
const (
	Frame   Kind = iota // a packet
	Lost                // sound that was sent and did not arrive
	Silence             // nothing was sent
)

// Piece is the next piece of the stream.
type Piece struct {
	Kind  Kind
	At    int64 // position of its first sample in ticks, without wrap-around
	Ticks int   // how long it is
	// Payload is the packet of a Frame. Of a Lost piece it is the packet
	// right behind it if that is there, which may carry a copy of its end.
	Payload []byte
}

// Packet is what was received.
type Packet struct {
	Number  uint16 // RTP sequence number
	Time    uint32 // RTP timestamp, in ticks
	Ticks   int    // how long its sound is; 0 for a packet without any
	Payload []byte // the buffer's from then on
}

// slot is a packet that waits.
type slot struct {
	Packet
	at   int64 // Time without wrap-around
	full bool
}

// Counts are what became of packets and sound.
type Counts struct {
	Packets   int64 // received
	Late      int64 // dropped: their place is taken, by themselves or by concealment
	Lost      int64 // ticks that were concealed
	Silent    int64 // ticks of silence that nobody sent
	Restarts  int   // the sender began anew
	Reordered int64 // arrived behind one that follows it
}

// Buffer is the buffer of one track. It is not safe for concurrent use. Times
// are those of a clock that never goes back, since any moment.
type Buffer struct {
	clock int // ticks a second

	started bool
	slots   [Window]slot  // packet n lies at n modulo Window
	waiting int           // how many are full
	next    int64         // the number of the packet that is due
	newest  int64         // the highest number received
	at      int64         // position of the stream's end in ticks
	last    int           // ticks of the last packet
	stamp   int64         // of the newest packet
	filled  int64         // ticks of silence before at that the clock made, not the sender
	ahead   int64         // ticks that the stream is longer than what was sent
	arrived time.Duration // when the newest packet came
	strange int64         // number that a sender that began anew would go on with, -1 for none

	out    []Piece // what Pop returns before it looks again
	delays delays
	counts Counts
}

// New returns a buffer for a track whose timestamps count so many ticks a
// second.
func New(clock int) *Buffer {
	return &Buffer{clock: clock, strange: -1, delays: newDelays()}
}

// Counts returns the counts so far.
func (b *Buffer) Counts() Counts { return b.counts }

// Wait returns how long after its time a missing packet is waited for.
func (b *Buffer) Wait() time.Duration { return b.delays.wait() }

// Awaits reports whether a packet would be heard if it came: it has not come, and
// has not been given up.
func (b *Buffer) Awaits(number uint16) bool {
	if !b.started {
		return false
	}
	n := b.newest + int64(int16(number-uint16(b.newest)))
	return n >= b.next && n < b.next+Window && !b.slots[n%Window].full
}

// Push takes a packet that was received at a time.
func (b *Buffer) Push(p Packet, now time.Duration) {
	b.counts.Packets++
	if !b.started {
		b.restart(p)
	}
	number := b.newest + int64(int16(p.Number-uint16(b.newest)))
	if ahead := number - b.newest; ahead > mostAhead || ahead < -mostBack {
		if number != b.strange {
			b.strange = number + 1
			b.counts.Late++
			return
		}
		b.flush()
		b.counts.Restarts++
		b.restart(p)
		number = b.newest
	}
	b.strange = -1
	s := slot{Packet: p, at: b.stamp + int64(int32(p.Time-uint32(b.stamp))), full: true}
	if number > b.newest {
		b.newest, b.stamp = number, s.at
	} else if number < b.newest {
		b.counts.Reordered++
	}
	b.arrived = now
	b.delays.add(now - b.span(s.at))
	if number < b.next {
		b.counts.Late++
		return
	}
	for number >= b.next+Window {
		b.giveUp()
	}
	if old := &b.slots[number%Window]; !old.full {
		*old = s
		b.waiting++
	} else {
		b.counts.Late++ // a copy
	}
}

// restart begins the stream of a sender with its first packet.
func (b *Buffer) restart(p Packet) {
	b.started = true
	// Numbers stay positive for packets that came before the first.
	b.next = int64(p.Number) + 1<<16
	b.newest = b.next
	b.stamp = int64(p.Time)
	b.at = b.stamp
	b.filled = 0
	if b.last = p.Ticks; b.last <= 0 {
		b.last = b.clock / 50
	}
	b.delays = newDelays()
}

// Pop returns the next piece of the stream, or reports that nothing is due yet:
// it may be after the next Push, or at Next.
func (b *Buffer) Pop(now time.Duration) (Piece, bool) {
	for len(b.out) == 0 {
		if !b.started || !b.look(now) {
			return Piece{}, false
		}
	}
	p := b.out[0]
	b.out = b.out[1:]
	if len(b.out) == 0 {
		b.out = nil
	}
	return p, true
}

// Next returns when Pop has something although nothing arrives. false: never.
func (b *Buffer) Next() (time.Duration, bool) {
	switch {
	case !b.started:
		return 0, false
	case len(b.out) > 0 || b.slots[b.next%Window].full:
		return 0, true
	case b.waiting > 0:
		return b.due(b.at) + b.delays.wait(), true
	}
	return b.quiet() + b.silenceAfter() + b.frame(), true
}

// look makes pieces of what is due now, and reports whether there were any.
func (b *Buffer) look(now time.Duration) bool {
	switch {
	case b.slots[b.next%Window].full:
		b.take()
	case b.waiting > 0:
		if now < b.due(b.at)+b.delays.wait() {
			return false
		}
		b.giveUp()
	default:
		late := now - b.quiet() - b.silenceAfter()
		ticks := b.ticks(late) / int64(b.last) * int64(b.last)
		if ticks <= 0 {
			return false
		}
		b.silence(ticks)
		b.filled += ticks
	}
	return true
}

// take takes the packet that is due.
func (b *Buffer) take() {
	s := &b.slots[b.next%Window]
	defer func() {
		*s = slot{}
		b.waiting--
		b.next++
	}()
	if s.Ticks <= 0 {
		return // it only probes the network
	}
	switch gap := s.at - b.at; {
	case gap > b.ticks(mostSilence) || gap < -b.filled:
		b.at = s.at
	case gap > 0:
		b.silence(gap)
	case gap < 0:
		// It was on its way while the clock made silence of its time. It is
		// heard nevertheless, and the stream becomes so much longer, until a
		// silence can be cut.
		b.ahead -= gap
		b.at = s.at
	}
	b.filled = 0
	b.emit(Piece{Kind: Frame, Ticks: s.Ticks, Payload: s.Payload})
	b.last = s.Ticks
}

// giveUp counts what is missing before the first packet that waits as lost. If
// none waits, one packet is.
func (b *Buffer) giveUp() {
	if b.waiting == 0 {
		b.next++
		return
	}
	missing := int64(0)
	for !b.slots[(b.next+missing)%Window].full {
		missing++
	}
	if missing == 0 {
		b.take()
		return
	}
	s := &b.slots[(b.next+missing)%Window]
	b.next += missing
	gap := s.at - b.at
	if gap <= 0 || gap > b.ticks(mostSilence)+missing*int64(b.last) {
		return // take sees to it
	}
	// So much was sent and lost; the rest was never sent. The end of the
	// gap may be in the packet behind it.
	lost := min(gap, missing*int64(b.last), b.ticks(mostLost))
	end := min(lost, int64(s.Ticks))
	b.lose(lost-end, nil)
	b.silence(gap - lost)
	b.lose(end, s.Payload)
	b.filled = 0
}

// flush makes pieces of all that waits.
func (b *Buffer) flush() {
	for b.waiting > 0 {
		b.giveUp()
	}
}

// lose adds a piece that is lost.
func (b *Buffer) lose(ticks int64, next []byte) {
	if ticks > 0 {
		b.counts.Lost += ticks
		b.emit(Piece{Kind: Lost, Ticks: int(ticks), Payload: next})
	}
}

// silence adds silence, less what the stream is too long. What is longer than a
// pause can be is a machine that slept.
func (b *Buffer) silence(ticks int64) {
	cut := max(min(b.ahead, ticks), ticks-b.ticks(mostSilence))
	b.ahead = max(b.ahead-cut, 0)
	b.at += cut
	for ticks -= cut; ticks > 0; {
		n := min(ticks, int64(b.clock))
		ticks -= n
		b.counts.Silent += n
		b.emit(Piece{Kind: Silence, Ticks: int(n)})
	}
}

func (b *Buffer) emit(p Piece) {
	p.At = b.at
	b.at += int64(p.Ticks)
	b.out = append(b.out, p)
}

// span returns how long ticks last.
func (b *Buffer) span(ticks int64) time.Duration {
	whole, rest := ticks/int64(b.clock), ticks%int64(b.clock)
	return time.Duration(whole)*time.Second + time.Duration(rest)*time.Second/time.Duration(b.clock)
}

// ticks returns how many ticks a time has.
func (b *Buffer) ticks(d time.Duration) int64 {
	whole, rest := int64(d/time.Second), int64(d%time.Second)
	return whole*int64(b.clock) + rest*int64(b.clock)/int64(time.Second)
}

// due returns when the sound at a position arrives if nothing delays it.
func (b *Buffer) due(at int64) time.Duration { return b.span(at) + b.delays.base }

// quiet returns since when the sender says nothing that the stream has not. A
// sender that was held up, and goes on where it was, is late for good; that is
// no silence.
func (b *Buffer) quiet() time.Duration {
	return max(b.due(b.at), b.arrived+b.frame()+b.span(b.filled))
}

// frame returns how long the last packet was.
func (b *Buffer) frame() time.Duration { return b.span(int64(b.last)) }

// silenceAfter returns how late sound may be now before it counts as silence.
func (b *Buffer) silenceAfter() time.Duration { return max(SilenceAfter, 2*b.delays.late) }
