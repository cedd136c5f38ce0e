package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"hark/audio/pcm"
	"hark/audio/sound"
	"hark/media/duplex"
)

// maxTurn is the longest file to speak, in seconds.
const maxTurn = 600

// readTurns reads the files to speak, at the rate of the line.
func readTurns(paths []string) (said [][]float32, err error) {
	for _, path := range paths {
		if path == "-" {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, usage("--in: %w", err)
		}
		samples, err := sound.Decode(data, &sound.Options{Rate: duplex.Rate, MaxSeconds: maxTurn})
		if err != nil {
			return nil, usage("--in %s: %w", path, err)
		}
		if len(samples) == 0 {
			return nil, usage("--in %s: no sound in the file", path)
		}
		said = append(said, samples)
	}
	return said, nil
}

// maxPicture is the size of a picture file in bytes.
const maxPicture = 20 << 20

// readPictures reads the pictures to show.
func readPictures(paths []string) (all [][]byte, err error) {
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return nil, usage("--image: %w", err)
		}
		data, err := io.ReadAll(io.LimitReader(f, maxPicture+1))
		f.Close()
		if err != nil {
			return nil, usage("--image: %w", err)
		}
		if len(data) > maxPicture {
			return nil, usage("--image %s: more than %d bytes", path, maxPicture)
		}
		all = append(all, data)
	}
	return all, nil
}

// fileTurns are files that are spoken, one after another.
type fileTurns struct {
	names []string
	left  [][]float32
	now   []float32 // of the file that is being spoken

	speaking bool
	spoken   int       // files begun
	ended    time.Time // when the newest file was over
	answers  int       // answers begun by then
}

// Patience with the far side, behind the end of a file.
const (
	// quietFor is how long nothing must have happened before the next file,
	// where the server finds the turns: a file may be several.
	quietFor = time.Second
	// deafAfter is how long a file may stay without any turn.
	deafAfter = 5 * time.Second
	// captionLimit is how long a caption is waited for, behind its answer.
	captionLimit = 5 * time.Second
)

// speak fills a frame's microphone from the file, and begins the next one when
// it is time.
func (t *talk) speak(f *duplex.Frame) {
	files := t.files
	if !files.speaking && t.mayGoOn(f.At) {
		if len(files.left) == 0 {
			t.end(nil)
			return
		}
		files.now, files.left = files.left[0], files.left[1:]
		files.speaking, files.answers = true, t.stats.Answers
		files.spoken++
		if t.c.Turns == "none" {
			t.interrupt(f.At)
		}
	}
	if !files.speaking {
		return
	}
	n := copy(f.Mic, files.now)
	if files.now = files.now[n:]; len(files.now) > 0 {
		return
	}
	files.speaking, files.ended = false, f.At
	if t.c.Turns == "none" {
		t.commit(f.At)
	}
}

// mayGoOn reports whether the next file may be spoken, or the talk may end.
func (t *talk) mayGoOn(now time.Time) bool {
	files := t.files
	if files.spoken == 0 {
		return true
	}
	waited := now.Sub(files.ended)
	if x := t.newest(); t.c.Interrupt > 0 && len(files.left) > 0 && x != nil && !x.firstSound.IsZero() {
		return now.Sub(x.firstSound).Seconds() >= t.c.Interrupt && t.stats.Answers > files.answers
	}
	switch {
	case t.hearing, t.answering != "", len(t.exchanges) > 0, t.voice.playing():
		if waited > replyLimit+t.voice.left() {
			t.end(fmt.Errorf("no answer to %s within %v", files.names[files.spoken-1], replyLimit))
		}
		return false
	case t.stats.Answers > files.answers:
		return t.c.Turns == "none" || waited > quietFor
	case waited > deafAfter:
		t.end(fmt.Errorf("nobody was heard to speak in %s", files.names[files.spoken-1]))
	}
	return false
}

// runStdin drives a line with raw PCM16 until its end, io.EOF. What comes
// faster than it would be spoken is held back.
func runStdin(ctx context.Context, l *duplex.Line, r io.Reader) error {
	in := bufio.NewReaderSize(r, 1<<16)
	raw := make([]byte, 2*duplex.FrameSamples)
	decoder, err := pcm.NewDecoder(pcm.PCM16)
	if err != nil {
		return err
	}
	out := make([]float32, duplex.FrameSamples)
	const ahead = 100 * time.Millisecond
	for due := time.Now(); ; due = due.Add(duplex.FrameLength) {
		n, err := io.ReadFull(in, raw)
		if n == 0 || err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return err
		}
		if now := time.Now(); due.Before(now) {
			due = now
		}
		if err := sleepUntil(ctx, due.Add(-ahead)); err != nil {
			return err
		}
		samples := decoder.Push(raw[:n/2*2])
		l.Exchange(samples, out[:len(samples)])
		if err != nil {
			return io.EOF
		}
	}
}

// lastWords waits for the answer to what was said before the standard input
// ended, on a clock of its own.
func (t *talk) lastWords(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, replyLimit)
	defer cancel()
	quiet := t.line
	clock := make(chan error, 1)
	var running = make(chan struct{})
	go func() {
		defer close(running)
		clock <- quiet.RunClock(ctx, func(in []float32) error { clear(in); return nil }, nil)
	}()
	idle := time.Now()
	for !t.quit && ctx.Err() == nil && time.Since(idle) < 2*quietFor {
		select {
		case f := <-t.line.Frames():
			t.frame(f)
		case in := <-t.link.in:
			t.take(ctx, in)
		case <-ctx.Done():
		}
		if t.hearing || t.answering != "" || len(t.exchanges) > 0 || t.voice.playing() {
			idle = time.Now()
		}
	}
	cancel()
	<-running
}

// recorder writes the conversation to a WAV file, or raw to a stream.
type recorder struct {
	file   *os.File // nil: raw
	out    *bufio.Writer
	stereo bool
	frames uint32 // samples of each channel
	failed error
}

// newRecorder begins a file; "-" is raw PCM16 to stdout.
func newRecorder(path string, stereo bool, stdout io.Writer) (*recorder, error) {
	r := &recorder{stereo: stereo}
	if path == "-" {
		r.out = bufio.NewWriter(stdout)
		return r, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	r.file, r.out = f, bufio.NewWriter(f)
	_, r.failed = r.out.Write(r.header())
	return r, nil
}

// header is that of a WAV file (RIFF, format 1) of as many samples as were
// written.
func (r *recorder) header() []byte {
	channels := uint32(1)
	if r.stereo {
		channels = 2
	}
	bytes := r.frames * 2 * channels
	le := binary.LittleEndian
	h := append([]byte("RIFF"), le.AppendUint32(nil, 36+bytes)...)
	h = append(h, "WAVEfmt "...)
	h = le.AppendUint32(h, 16)
	h = le.AppendUint16(h, 1)
	h = le.AppendUint16(h, uint16(channels))
	h = le.AppendUint32(h, uint32(duplex.Rate))
	h = le.AppendUint32(h, uint32(duplex.Rate)*2*channels)
	h = le.AppendUint16(h, uint16(2*channels))
	h = le.AppendUint16(h, 16)
	h = append(h, "data"...)
	return le.AppendUint32(h, bytes)
}

// add writes a frame: the agent, with the user where both are wanted.
func (r *recorder) add(user, agent []float32) error {
	if r.failed != nil {
		return r.failed
	}
	samples := agent
	if r.stereo {
		samples = make([]float32, 2*len(agent))
		for i := range agent {
			samples[2*i], samples[2*i+1] = user[i], agent[i]
		}
	}
	r.frames += uint32(len(agent))
	_, r.failed = r.out.Write(pcm.Append(nil, pcm.PCM16, samples))
	if r.file == nil && r.failed == nil {
		r.failed = r.out.Flush()
	}
	return r.failed
}

// close completes the file.
func (r *recorder) close() error {
	err := errors.Join(r.failed, r.out.Flush())
	if r.file == nil {
		return err
	}
	if err == nil {
		_, err = r.file.WriteAt(r.header(), 0)
	}
	return errors.Join(err, r.file.Close())
}
