package jitter

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

const (
	clock = 48000
	frame = 960 // ticks, 20 ms
)

// arrival is a packet and when it comes.
type arrival struct {
	p  Packet
	at time.Duration
}

// talk returns n packets of 20 ms, numbered from first, each delayed by delay.
func talk(n int, first uint16, stamp uint32, delay func(i int) time.Duration) (list []arrival) {
	for i := range n {
		list = append(list, arrival{
			Packet{Number: first + uint16(i), Time: stamp + uint32(i)*frame, Ticks: frame, Payload: fmt.Append(nil, i)},
			time.Duration(i)*20*time.Millisecond + delay(i),
		})
	}
	return list
}

func steady(int) time.Duration { return 30 * time.Millisecond }

// stream is what a buffer made of packets.
type stream struct {
	pieces               []Piece
	at                   []time.Duration // when each came out
	frames               []string        // payloads
	ticks, lost, silence int
}

// play runs packets through a buffer by the clock, until after the last one; if
// that is negative, until none waits.
func play(b *Buffer, list []arrival, after time.Duration) (s stream) {
	slices.SortStableFunc(list, func(x, y arrival) int { return cmp.Compare(x.at, y.at) })
	pop := func(now time.Duration) {
		for {
			p, ok := b.Pop(now)
			if !ok {
				return
			}
			s.pieces, s.at = append(s.pieces, p), append(s.at, now)
			s.ticks += p.Ticks
			switch p.Kind {
			case Frame:
				s.frames = append(s.frames, string(p.Payload))
			case Lost:
				s.lost += p.Ticks
			case Silence:
				s.silence += p.Ticks
			}
		}
	}
	idle := func(until time.Duration) {
		for {
			at, ok := b.Next()
			if !ok || at >= until {
				return
			}
			pop(max(at, 1))
			if next, _ := b.Next(); next <= at {
				return // due at once, and nothing came: the test fails elsewhere
			}
		}
	}
	end := time.Duration(0)
	for _, a := range list {
		idle(a.at)
		b.Push(a.p, a.at)
		pop(a.at)
		end = a.at
	}
	if after < 0 {
		for b.waiting > 0 {
			at, _ := b.Next()
			pop(at)
		}
		return s
	}
	idle(end + after)
	return s
}

// joined reports whether pieces follow each other without gap or overlap.
func (s stream) joined(t *testing.T) {
	t.Helper()
	for i := 1; i < len(s.pieces); i++ {
		if last := s.pieces[i-1]; last.At+int64(last.Ticks) != s.pieces[i].At {
			t.Errorf("piece %d is at %d, the one before ended at %d", i, s.pieces[i].At, last.At+int64(last.Ticks))
		}
	}
}

func numbers(from, to int) (out []string) {
	for i := from; i < to; i++ {
		out = append(out, fmt.Sprint(i))
	}
	return out
}

// Packets in order go on when they come, however unevenly that is.
func TestWhatIsInOrderWaitsForNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	late := time.Duration(0)
	list := talk(500, 65500, 1<<32-5000, func(i int) time.Duration {
		late = max(late-20*time.Millisecond, time.Duration(r.IntN(60))*time.Millisecond) // never overtakes
		return late
	})
	s := play(New(clock), list, 0)
	s.joined(t)
	if !slices.Equal(s.frames, numbers(0, 500)) || s.lost != 0 || s.silence != 0 {
		t.Errorf("%d frames, %d lost, %d silent", len(s.frames), s.lost, s.silence)
	}
	for i := range list {
		if s.at[i] != list[i].at {
			t.Fatalf("packet %d came at %v and went at %v", i, list[i].at, s.at[i])
		}
	}
}

// Whatever is lost, doubled and out of order: every packet that came within the
// wait is heard once, in order, and the rest is concealed, so that nothing is
// moved in time.
func TestLossReorderingAndDuplication(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 7))
		const n = 1000
		list := talk(n, uint16(r.Uint32()), r.Uint32(), func(int) time.Duration { return time.Duration(r.IntN(50)) * time.Millisecond })
		list[0].at = 0 // the stream begins with what comes first
		gone := map[int]bool{}
		var sent []arrival
		for i, a := range list {
			switch {
			case i > 0 && i < n-1 && r.IntN(20) == 0:
				gone[i] = true
				continue
			case r.IntN(30) == 0:
				sent = append(sent, arrival{a.p, a.at + time.Duration(r.IntN(200))*time.Millisecond})
			}
			sent = append(sent, a)
		}
		b := New(clock)
		s := play(b, sent, -1)
		s.joined(t)
		var want []string
		for i := range n {
			if !gone[i] {
				want = append(want, fmt.Sprint(i))
			}
		}
		missed := len(want) - len(s.frames)
		if !slices.IsSortedFunc(s.frames, func(a, b string) int { return cmp.Or(len(a)-len(b), cmp.Compare(a, b)) }) || missed > 15 {
			t.Fatalf("seed %d: %d of %d frames, or out of order", seed, len(s.frames), len(want))
		}
		if s.ticks != n*frame || s.lost+s.silence != (len(gone)+missed)*frame {
			t.Fatalf("seed %d: %d ticks of %d, %d lost and %d silent of %d", seed, s.ticks, n*frame, s.lost, s.silence, (len(gone)+missed)*frame)
		}
		if c := b.Counts(); int(c.Packets) != len(sent) || c.Lost != int64(s.lost) || c.Silent != int64(s.silence) {
			t.Fatalf("seed %d: counts %+v", seed, c)
		}
	}
}

// How long a missing packet holds up the rest follows the network.
func TestWaitFollowsTheJitter(t *testing.T) {
	for jitter, want := range map[time.Duration][2]time.Duration{
		0:                      {MinWait, MinWait},
		40 * time.Millisecond:  {55 * time.Millisecond, 80 * time.Millisecond},
		100 * time.Millisecond: {130 * time.Millisecond, 150 * time.Millisecond},
	} {
		r := rand.New(rand.NewPCG(3, 4))
		b := New(clock)
		play(b, talk(600, 0, 0, func(int) time.Duration {
			if jitter == 0 {
				return 0
			}
			return time.Duration(r.Int64N(int64(jitter)))
		}), 0)
		if w := b.Wait(); w < want[0] || w > want[1] {
			t.Errorf("jitter %v: wait %v, want %v", jitter, w, want)
		}
	}
	// A lost packet of a calm network is given up a frame later at the most.
	list := talk(200, 0, 0, steady)
	list = slices.Delete(list, 150, 151)
	s := play(New(clock), list, 0)
	for i, p := range s.pieces {
		if p.Kind == Lost && (s.at[i] > list[150].at || string(p.Payload) != "151") {
			t.Errorf("lost at %v with %q behind it, which came at %v", s.at[i], p.Payload, list[150].at)
		}
	}
}

// A sender that saves bandwidth sends nothing while it is silent. The model
// hears silence of that length, while it lasts.
func TestPausesAreSilence(t *testing.T) {
	list := talk(100, 0, 0, steady)
	more := talk(100, 100, 100*frame+2*clock, steady)
	for _, a := range more {
		a.at += 100*20*time.Millisecond + 2*time.Second
		list = append(list, a)
	}
	s := play(New(clock), list, 0)
	s.joined(t)
	if len(s.frames) != 200 || s.silence != 2*clock || s.lost != 0 {
		t.Errorf("%d frames, %d lost, %d silent, want 200, 0, %d", len(s.frames), s.lost, s.silence, 2*clock)
	}
	most := time.Duration(0)
	for i, p := range s.pieces {
		if p.Kind == Silence && i > 0 {
			most = max(most, s.at[i]-s.at[i-1])
		}
	}
	if most > SilenceAfter+2*firstLate+40*time.Millisecond {
		t.Errorf("nothing came for %v", most)
	}
	// Muted for good: silence goes on at the pace of the clock.
	s = play(New(clock), talk(100, 0, 0, steady), time.Minute)
	if got, want := time.Duration(s.ticks)*time.Second/clock, time.Minute+2*time.Second; got < want-time.Second || got > want {
		t.Errorf("%v of sound in %v", got, want)
	}
}

// A network that stalls and then brings everything at once loses nothing, and
// what the stream is too long then is cut from the next pause.
func TestStallIsHeardWhole(t *testing.T) {
	list := talk(300, 0, 0, func(i int) time.Duration {
		if i >= 100 && i < 150 {
			return time.Duration(150-i) * 20 * time.Millisecond // at the time of the 150th
		}
		return 0
	})
	more := talk(50, 300, 300*frame+3*clock, steady)
	for _, a := range more {
		a.at += 300*20*time.Millisecond + 3*time.Second
		list = append(list, a)
	}
	s := play(New(clock), list, 0)
	if !slices.Equal(s.frames[:300], numbers(0, 300)) || s.lost != 0 {
		t.Errorf("%d frames, %d lost", len(s.frames), s.lost)
	}
	if want := 350*frame + 3*clock; s.ticks != want {
		t.Errorf("%d ticks in all, want %d", s.ticks, want)
	}
}

// A sender that is held up, and then goes on at its own pace with the next
// timestamp, is late from then on. Only the hold-up is silence.
func TestSenderThatWasHeldUpIsNotSilent(t *testing.T) {
	for _, stall := range []time.Duration{150 * time.Millisecond, 400 * time.Millisecond, 3 * time.Second} {
		list := talk(300, 0, 0, func(i int) time.Duration {
			if i >= 100 {
				return stall
			}
			return 0
		})
		s := play(New(clock), list, 0)
		if !slices.Equal(s.frames, numbers(0, 300)) || s.lost != 0 || s.silence > int(stall.Milliseconds())*48 {
			t.Errorf("%v: %d frames, %d lost, %d ms of silence", stall, len(s.frames), s.lost, s.silence/48)
		}
	}
}

func TestSenderThatBeginsAnewIsFollowed(t *testing.T) {
	list := talk(100, 7, 7, steady)
	for _, a := range talk(100, 40000, 1<<31, steady) {
		a.at += 2 * time.Second
		list = append(list, a)
	}
	b := New(clock)
	s := play(b, list, 0)
	if len(s.frames) != 199 || b.Counts().Restarts != 1 {
		t.Errorf("%d frames, %+v", len(s.frames), b.Counts())
	}
	// One stray packet is not a sender.
	list = talk(100, 7, 7, steady)
	list[50].p.Number += 30000
	b = New(clock)
	s = play(b, list, 0)
	s.joined(t)
	if len(s.frames) != 99 || b.Counts().Restarts != 0 || s.lost != frame {
		t.Errorf("%d frames, %d lost, %+v", len(s.frames), s.lost, b.Counts())
	}
}

func TestPacketsWithoutSoundAreNoGap(t *testing.T) {
	list := talk(100, 0, 0, steady)
	for i := 50; i < 55; i++ { // probes, which carry the time of the packet before
		list[i].p.Ticks, list[i].p.Payload, list[i].p.Time = 0, nil, 49*frame
	}
	for i := 55; i < 100; i++ {
		list[i].p.Time -= 5 * frame
		list[i].at -= 100 * time.Millisecond
	}
	s := play(New(clock), list, 0)
	s.joined(t)
	if len(s.frames) != 95 || s.lost != 0 || s.silence != 0 {
		t.Errorf("%d frames, %d lost, %d silent", len(s.frames), s.lost, s.silence)
	}
}

// A machine that sleeps is not given hours of silence when it wakes.
func TestSleepIsNoSilence(t *testing.T) {
	b := New(clock)
	b.Push(Packet{Ticks: frame}, 0)
	total := 0
	for {
		p, ok := b.Pop(10 * time.Hour)
		if !ok {
			break
		}
		total += p.Ticks
	}
	if total > 11*clock {
		t.Errorf("%d s of silence", total/clock)
	}
}

// FuzzBuffer: whatever comes and when, pieces are whole, bounded, and no more
// frames come out than went in.
func FuzzBuffer(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 1, 20, 1, 0, 0, 1, 20, 0, 3, 0, 9, 200})
	f.Add([]byte("a stream of packets that nobody would send, again and again and again"))
	f.Fuzz(func(t *testing.T, data []byte) {
		b := New(clock)
		now, in, out, ticks := time.Duration(0), 0, 0, 0
		for ; len(data) >= 5; data = data[5:] {
			now += time.Duration(data[0]) * time.Duration(data[0]) * time.Millisecond / 4
			b.Push(Packet{Number: uint16(data[1])<<8 | uint16(data[2]), Time: uint32(data[3]) << (data[4] % 25), Ticks: int(data[4]) * 20, Payload: data[:1]}, now)
			in++
			for range 100000 {
				p, ok := b.Pop(now)
				if !ok {
					break
				}
				if p.Ticks <= 0 || p.Ticks > max(clock, 255*20) || p.Kind == Frame && p.Payload == nil {
					t.Fatalf("%+v", p)
				}
				ticks += p.Ticks
				if p.Kind == Frame {
					out++
				}
			}
			if at, ok := b.Next(); !ok || at < 0 && b.waiting == 0 && now > MaxWait && at > now {
				t.Fatalf("next at %v, %v", at, ok)
			}
		}
		if out > in || ticks > in*30*clock+int(now.Seconds()+1)*clock {
			t.Fatalf("%d packets became %d, %d ticks in %v", in, out, ticks, now)
		}
	})
}

func BenchmarkPushPop(b *testing.B) {
	buffer := New(clock)
	payload := make([]byte, 80)
	i := 0
	for b.Loop() {
		now := time.Duration(i) * 20 * time.Millisecond
		buffer.Push(Packet{Number: uint16(i), Time: uint32(i * frame), Ticks: frame, Payload: payload}, now)
		buffer.Pop(now)
		i++
	}
}

// A packet is awaited until it has come or was given up, whichever is first.
func TestAwaitsWhatIsMissing(t *testing.T) {
	b := New(48000)
	if b.Awaits(0) {
		t.Error("awaits before the first packet")
	}
	push := func(number uint16, at time.Duration) {
		b.Push(Packet{Number: number, Time: uint32(number) * 960, Ticks: 960, Payload: []byte{1}}, at)
		for more := true; more; {
			_, more = b.Pop(at)
		}
	}
	push(100, 0)
	push(102, 40*time.Millisecond)
	for number, want := range map[uint16]bool{99: false, 100: false, 101: true, 102: false, 103: true, 102 + Window: false} {
		if b.Awaits(number) != want {
			t.Errorf("awaits %d: %v", number, !want)
		}
	}
	push(103, 60*time.Millisecond)
	b.Pop(time.Second)
	if b.Awaits(101) {
		t.Error("awaits what was given up")
	}
}
