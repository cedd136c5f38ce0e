package server

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"hark/audio"
	"hark/audio/flac"
	"hark/audio/ogg"
	"hark/audio/resample"
	"hark/audio/speech"
	"hark/audio/wav"
	"hark/session/realtime"
)

// speechRate is that of all speech but Opus, which has its own.
const speechRate audio.Rate = 24000

// speechRequest is the body of POST /v1/audio/speech.
type speechRequest struct {
	Input        string          `json:"input"`
	Voice        json.RawMessage `json:"voice"` // a name, or an object with an id
	Format       *string         `json:"response_format"`
	Speed        float64         `json:"speed"`
	StreamFormat string          `json:"stream_format"`
}

// speechKinds are the formats of speech and their media types.
var speechKinds = map[string]string{"wav": "audio/wav", "pcm": "audio/pcm", "opus": "audio/ogg", "flac": "audio/flac",
	"mp3": "audio/mpeg", "aac": "audio/aac"}

// speak says a text.
func (s *Server) speak(w http.ResponseWriter, r *http.Request) {
	var req speechRequest
	if err := s.decodeBody(w, r, "SpeechRequest", &req); err != nil {
		s.fail(w, err)
		return
	}
	format, err := s.speechFormat(req.Format)
	if err != nil {
		s.fail(w, err)
		return
	}
	ctx, leave, err := s.enter(r)
	if err != nil {
		s.fail(w, err)
		return
	}
	defer leave()
	var voice struct{ ID string }
	if json.Unmarshal(req.Voice, &voice.ID) != nil {
		_ = json.Unmarshal(req.Voice, &voice) // one of both, says the schema
	}
	out := &speechWriter{w: w, control: http.NewResponseController(w), kind: speechKinds[format]}
	if req.StreamFormat == "sse" {
		out.events = s.newEventWriter(w)
	}
	if err = s.say(ctx, req.Input, speech.Options{Voice: voice.ID, Speed: req.Speed}, format, out); err == nil {
		err = out.end()
	}
	switch {
	case err == nil, s.left(ctx, err):
	case !out.begun:
		s.fail(w, err)
	default: // the status is sent: what is cut short must not look whole
		s.log.Error("speech broke off", "err", err)
		abort(w)
	}
}

// abort ends a connection in the middle of an answer.
func abort(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Unix(1, 0)) // where there are deadlines
	_, _ = w.Write([]byte{0})
}

// speechFormat returns the format of an answer: what was asked for if it can
// be made, and MP3 or WAV if nothing was.
func (s *Server) speechFormat(asked *string) (string, error) {
	if s.o.Speaker == nil {
		return "", &realtime.Error{Kind: realtime.TypeServer, Code: codeNoVoice,
			Message: "this server has no voice: install espeak-ng and start it again"}
	}
	switch {
	case asked == nil && s.o.FFmpeg != nil:
		return "mp3", nil
	case asked == nil:
		return "wav", nil
	case (*asked == "mp3" || *asked == "aac") && s.o.FFmpeg == nil:
		return "", realtime.Invalid("unsupported_format", "response_format",
			"%s takes the program ffmpeg, which this server does not have; wav, pcm, opus and flac are possible", *asked)
	}
	return *asked, nil
}

// say speaks a text, piece by piece. WAV, PCM and Opus leave as they are made.
func (s *Server) say(ctx context.Context, text string, o speech.Options, format string, out io.Writer) error {
	rate := speechRate
	if format == "opus" {
		rate = ogg.OpusRate
	}
	r, err := resample.New(audio.Rate(s.o.Speaker.Rate()), rate)
	if err != nil {
		return err
	}
	e, err := s.newEncoder(ctx, format, out)
	if err != nil {
		return err
	}
	var splitter speech.Splitter
	for _, piece := range append(splitter.Push(text), splitter.Flush()...) {
		if piece.Silent {
			continue
		}
		for sound, err := range s.o.Speaker.Say(ctx, piece.Text, o) {
			if err != nil {
				return fmt.Errorf("server: %w", err)
			}
			if err := e.write(toPCM(r.Push(sound.Samples))); err != nil {
				return err
			}
		}
	}
	if err := e.write(toPCM(r.Flush())); err != nil {
		return err
	}
	return e.close()
}

func toPCM(samples []float32) []int16 {
	out := make([]int16, len(samples))
	for i, v := range samples {
		out[i] = int16(max(-32768, min(32767, v*32767)))
	}
	return out
}

// encoder writes sound in a format.
type encoder struct {
	write func([]int16) error
	close func() error
}

func (s *Server) newEncoder(ctx context.Context, format string, out io.Writer) (*encoder, error) {
	raw := func(samples []int16) error {
		data := make([]byte, 0, 2*len(samples))
		for _, v := range samples {
			data = binary.LittleEndian.AppendUint16(data, uint16(v))
		}
		_, err := out.Write(data)
		return err
	}
	nothing := func() error { return nil }
	switch format {
	case "pcm":
		return &encoder{raw, nothing}, nil
	case "wav": // how long it will be is not known yet
		_, err := out.Write(wav.AppendHeader(nil, speechRate, (1<<32-1-44)/2))
		return &encoder{raw, nothing}, err
	case "opus":
		w, err := ogg.NewWriter(out)
		if err != nil {
			return nil, err
		}
		return &encoder{w.Write, w.Close}, nil
	}
	var all []int16
	keep := func(samples []int16) error {
		all = append(all, samples...)
		return nil
	}
	return &encoder{keep, func() (err error) {
		var file []byte
		if format == "flac" {
			file, err = flac.Encode(speechRate, all)
		} else {
			file, err = s.o.FFmpeg.Encode(ctx, all, speechRate, format)
		}
		if err == nil {
			_, err = out.Write(file)
		}
		return err
	}}, nil
}

// speechWriter sends speech, as it is or in events.
type speechWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	events  *eventWriter // nil: as it is
	kind    string
	begun   bool
}

// Write sends a piece at once.
func (o *speechWriter) Write(data []byte) (int, error) {
	if len(data) == 0 {
		return 0, nil
	}
	begun := o.begun
	o.begun = true
	if o.events != nil {
		return len(data), o.events.send("", map[string]any{"type": "speech.audio.delta", "audio": base64.StdEncoding.EncodeToString(data)})
	}
	if !begun {
		o.w.Header().Set("Content-Type", o.kind)
	}
	_ = o.control.SetWriteDeadline(time.Now().Add(writeTimeout)) // where there are deadlines
	n, err := o.w.Write(data)
	if err == nil {
		err = o.control.Flush()
	}
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return n, fmt.Errorf("%w: %w", errGone, err)
	}
	return n, nil
}

// end sends what comes last.
func (o *speechWriter) end() error {
	if o.events == nil {
		if !o.begun { // text without anything to say
			o.w.Header().Set("Content-Type", o.kind)
		}
		return nil
	}
	return o.events.send("", map[string]any{"type": "speech.audio.done", "usage": map[string]int{"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}})
}
