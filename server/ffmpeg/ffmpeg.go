// Package ffmpeg decodes videos, decodes sound that package sound does not know
// and encodes some, by the program ffmpeg as a child process. Without the
// program there is none of it.
//
// The child gets the file as an open descriptor, reads nothing else (each
// format has one demuxer, and demuxers of playlists are not among them), and is
// bounded in time, in what it writes and in how many run.
//
// Start reading at Program.Sound and Program.Frames.
package ffmpeg

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"hark/audio"
	"hark/audio/sound"
)

// Errors that callers tell apart.
var (
	// ErrMissing says that there is no ffmpeg.
	ErrMissing = errors.New("ffmpeg: the program is not installed")
	// ErrFormat says that a file is of a format that is not decoded.
	ErrFormat = errors.New("ffmpeg: unknown format")
	// ErrInvalid says that a file cannot be decoded, or has no such track.
	ErrInvalid = errors.New("ffmpeg: cannot decode")
	// ErrTooLong says that there is more than is allowed.
	ErrTooLong = errors.New("ffmpeg: too long")
)

const (
	timeout     = 60 * time.Second
	waitDelay   = time.Second // for the pipes of a child that was killed
	maxChildren = 2
	maxPixels   = 50_000_000 // of a frame, before it is made smaller
	maxSide     = 640        // of a frame
	perSecond   = 2          // frames that are looked at
	maxFrames   = 32         // that are kept of them
	maxBytes    = 96 << 20   // of all frames that are looked at
)

// demuxers are the formats that are decoded, by ffmpeg's names. None of them
// opens other files.
var demuxers = map[sound.Format]string{
	sound.MP4: "mov", sound.Matroska: "matroska", sound.AVI: "avi", sound.MPEG: "mpeg", sound.AAC: "aac", sound.AIFF: "aiff",
	sound.AMR: "amr", sound.CAF: "caf", sound.OtherOgg: "ogg", sound.Vorbis: "ogg", sound.Opus: "ogg",
}

// Program is an ffmpeg. It is safe for concurrent use.
type Program struct {
	path     string
	children chan struct{} // one for each child; full: callers wait
}

// Find looks for a program on PATH, "" for ffmpeg. The error is ErrMissing.
func Find(name string) (*Program, error) {
	if name == "" {
		name = "ffmpeg"
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMissing, err)
	}
	return &Program{path, make(chan struct{}, maxChildren)}, nil
}

// Frame is a picture of a video.
type Frame struct {
	At   time.Duration // since its beginning
	JPEG []byte
}

// Sound returns the sound of a file as one channel at audio.ModelRate.
func (p *Program) Sound(ctx context.Context, file []byte, seconds int) ([]float32, error) {
	limit := 2 * (seconds + 1) * int(audio.ModelRate)
	out, err := p.run(ctx, file, limit, "-map", "0:a:0", "-vn", "-t", strconv.Itoa(seconds+1),
		"-ac", "1", "-ar", strconv.Itoa(int(audio.ModelRate)), "-f", "s16le", "pipe:1")
	if err != nil {
		return nil, err
	}
	if len(out)/2 > seconds*int(audio.ModelRate) {
		return nil, fmt.Errorf("%w: more than %d s", ErrTooLong, seconds)
	}
	samples := make([]float32, len(out)/2)
	for i := range samples {
		samples[i] = float32(int16(binary.LittleEndian.Uint16(out[2*i:]))) / 32768
	}
	return samples, nil
}

// Frames returns at most 32 pictures of a video, evenly spread, the first at
// its beginning.
func (p *Program) Frames(ctx context.Context, file []byte, seconds int) ([]Frame, error) {
	scale := fmt.Sprintf("fps=%d:round=down:start_time=0,scale=w='min(iw,%d)':h='min(ih,%d)':force_original_aspect_ratio=decrease", perSecond, maxSide, maxSide)
	out, err := p.run(ctx, file, maxBytes, "-map", "0:v:0", "-an", "-t", strconv.Itoa(seconds+1),
		"-vf", scale, "-c:v", "mjpeg", "-q:v", "3", "-f", "image2pipe", "pipe:1")
	if err != nil {
		return nil, err
	}
	all := split(out)
	if len(all) > seconds*perSecond {
		return nil, fmt.Errorf("%w: more than %d s", ErrTooLong, seconds)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%w: no frame", ErrInvalid)
	}
	frames := make([]Frame, min(len(all), maxFrames))
	for k := range frames {
		i := k * len(all) / len(frames)
		frames[k] = Frame{time.Duration(i) * time.Second / perSecond, all[i]}
	}
	return frames, nil
}

// split cuts a row of JPEG files. Inside one, the bytes of its end marker do
// not occur.
func split(data []byte) (files [][]byte) {
	for {
		end := bytes.Index(data, []byte{0xff, 0xd9})
		if end < 0 {
			return files
		}
		files = append(files, data[:end+2:end+2])
		data = data[end+2:]
	}
}

// run runs ffmpeg on a file and returns what it writes, at most limit bytes.
func (p *Program) run(ctx context.Context, file []byte, limit int, args ...string) ([]byte, error) {
	if p == nil {
		return nil, ErrMissing
	}
	demuxer, ok := demuxers[sound.Sniff(file)]
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrFormat, sound.Sniff(file))
	}
	return p.child(ctx, file, limit, []string{"-f", demuxer}, args)
}

// child runs ffmpeg on a file that is read as in says.
func (p *Program) child(ctx context.Context, file []byte, limit int, in, args []string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	select {
	case p.children <- struct{}{}:
		defer func() { <-p.children }()
	case <-ctx.Done():
		return nil, fmt.Errorf("ffmpeg: %w", ctx.Err())
	}
	content, err := descriptor(file)
	if err != nil {
		return nil, fmt.Errorf("ffmpeg: %w", err)
	}
	defer content.Close()
	all := slices.Concat([]string{"-hide_banner", "-nostdin", "-loglevel", "error", "-protocol_whitelist", "file,pipe",
		"-threads", "1", "-max_pixels", strconv.Itoa(maxPixels)}, in, []string{"-i", "/dev/fd/3", "-map_metadata", "-1", "-sn", "-dn"}, args)
	cmd := exec.CommandContext(ctx, p.path, all...)
	cmd.ExtraFiles = []*os.File{content}
	cmd.Env = []string{} // it needs nothing of ours
	cmd.WaitDelay = waitDelay
	out, complaint := &bounded{room: limit}, &bounded{room: 4 << 10}
	cmd.Stdout, cmd.Stderr = out, complaint
	err = cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("ffmpeg: %w", ctx.Err())
	case out.full:
		return nil, fmt.Errorf("%w: more than %d bytes when decoded", ErrTooLong, limit)
	case err != nil && len(out.data.Bytes()) == 0:
		line, _, _ := strings.Cut(strings.TrimSpace(complaint.data.String()), "\n")
		return nil, fmt.Errorf("%w: %.200s", ErrInvalid, strings.ToValidUTF8(line, ""))
	}
	return out.data.Bytes(), nil // a file that breaks off ends there
}

// descriptor returns an open file with this content that has no name any more:
// nothing stays of it.
func descriptor(content []byte) (*os.File, error) {
	dir := "/dev/shm" // in memory, where there is such a place
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		dir = ""
	}
	f, err := os.CreateTemp(dir, "hark-*")
	if err != nil && dir != "" {
		f, err = os.CreateTemp("", "hark-*")
	}
	if err != nil {
		return nil, err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, os.Remove(f.Name())); err == nil {
		_, err = f.Seek(0, 0)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// bounded is a buffer that refuses more than it has room for, which ends the
// child that writes to it.
type bounded struct {
	data bytes.Buffer
	room int
	full bool
}

var errFull = errors.New("ffmpeg: too much output")

// Write takes data.
func (b *bounded) Write(p []byte) (int, error) {
	if b.data.Len()+len(p) > b.room {
		b.full = true
		return 0, errFull
	}
	return b.data.Write(p)
}

// encoders are the formats of Encode, with ffmpeg's arguments.
var encoders = map[string][]string{
	"mp3": {"-c:a", "libmp3lame", "-b:a", "64k", "-f", "mp3"},
	"aac": {"-c:a", "aac", "-b:a", "64k", "-f", "adts"},
}

// Encode returns a file of "mp3" or "aac" with one channel of 16 bits.
func (p *Program) Encode(ctx context.Context, samples []int16, rate audio.Rate, format string) ([]byte, error) {
	args, ok := encoders[format]
	if p == nil || !ok {
		return nil, ErrMissing
	}
	raw := make([]byte, 0, 2*len(samples))
	for _, v := range samples {
		raw = binary.LittleEndian.AppendUint16(raw, uint16(v))
	}
	in := []string{"-f", "s16le", "-ar", strconv.Itoa(int(rate)), "-ac", "1"}
	return p.child(ctx, raw, maxBytes, in, append(slices.Clone(args), "pipe:1"))
}
