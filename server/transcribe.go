package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"hark/audio"
	"hark/engine"
	"hark/engine/chat"
	"hark/session"
	"hark/session/conversation"
	"hark/session/realtime"
	"hark/session/turn"
)

// How sound is cut into segments that are written down one by one.
const (
	segmentPause  = 600 * time.Millisecond // of silence between two
	segmentMargin = 300 * time.Millisecond // of silence that is heard with one
	segmentSpeech = 0.5                    // the probability that counts as speech
	segmentWords  = 24                     // tokens beside one for each soft token
)

// transcriptionRequest is the form of POST /v1/audio/transcriptions.
type transcriptionRequest struct {
	file        []byte
	Language    string   `json:"language"`
	Prompt      string   `json:"prompt"`
	Format      string   `json:"response_format"`
	Temperature float32  `json:"temperature"`
	Stream      bool     `json:"stream"`
	Include     []string `json:"include"`
}

// segment is a stretch of speech.
type segment struct {
	first, end int // samples
	text       string
	tokens     []choice
}

// transcript is what was written down.
type transcript struct {
	segments      []*segment
	seconds       float64
	audio, output int // tokens
	input         int // tokens, sound included
}

func (t *transcript) text() string {
	var words []string
	for _, s := range t.segments {
		if s.text != "" {
			words = append(words, s.text)
		}
	}
	return strings.Join(words, " ")
}

// transcribe writes down the words of a file.
func (s *Server) transcribe(w http.ResponseWriter, r *http.Request) {
	req, err := s.readTranscription(w, r)
	if err == nil && !s.served.Engine.Model().Hears {
		err = engine.ErrDeaf
	}
	if err == nil && slices.Contains(req.Include, "logprobs") && s.served.Tokenizer == nil {
		err = realtime.Invalid("unsupported_value", "include", "log probabilities are not available here")
	}
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
	samples, err := s.decodeSound(ctx, req.file, "")
	if err != nil {
		s.fail(w, locate(err, "file"))
		return
	}
	var events *eventWriter
	if req.Stream {
		events = s.newEventWriter(w)
	}
	t, err := s.writeDown(ctx, req, samples, events)
	switch {
	case err == nil && events == nil:
		t.answer(w, req)
	case err == nil:
		done := map[string]any{"type": "transcript.text.done", "text": t.text(), "usage": t.usage()}
		_ = events.send("", done) // a client that left misses nothing
	case s.left(ctx, err):
	case events == nil || !events.begun:
		s.fail(w, err)
	default:
		e, _ := s.explain(err)
		_ = events.send("", newError(e.Kind, e.Code, e.Param, e.Message)) // there is nobody else to tell
	}
}

// readTranscription reads the form.
func (s *Server) readTranscription(w http.ResponseWriter, r *http.Request) (*transcriptionRequest, error) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" || params["boundary"] == "" {
		return nil, realtime.Invalid("invalid_form", "", "the body must be multipart/form-data")
	}
	data, err := s.readBody(w, r)
	if err != nil {
		return nil, err
	}
	req := &transcriptionRequest{}
	fields := map[string]any{}
	form := multipart.NewReader(bytes.NewReader(data), params["boundary"])
	for {
		part, err := form.NextPart()
		if err == io.EOF {
			break
		}
		var content []byte
		if err == nil {
			content, err = io.ReadAll(part)
		}
		if err != nil {
			return nil, realtime.Invalid("invalid_form", "", "the form cannot be read: %v", err)
		}
		name := part.FormName()
		if name == "file" {
			req.file, fields[name] = content, ""
			continue
		}
		addField(fields, name, string(content))
	}
	if fault := s.document.Check("TranscriptionRequest", fields); fault != nil {
		return nil, faultError(fault)
	}
	values, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(values, req); err != nil {
		return nil, badJSON(err)
	}
	if req.Stream && req.Format != "" && req.Format != "json" && req.Format != "text" {
		return nil, realtime.Invalid(realtime.CodeInvalidValue, "response_format", "a stream is of json or text, not %s", req.Format)
	}
	return req, nil
}

// addField adds a field of a form, of the type that the schema wants.
func addField(fields map[string]any, name, text string) {
	name = strings.TrimSuffix(name, "[]")
	switch name {
	case "include", "timestamp_granularities":
		list, _ := fields[name].([]any)
		fields[name] = append(list, text)
		return
	case "stream":
		if v, err := strconv.ParseBool(text); err == nil {
			fields[name] = v
			return
		}
	case "temperature":
		if v, err := strconv.ParseFloat(text, 64); err == nil {
			fields[name] = v
			return
		}
	}
	fields[name] = text
}

// segments finds the stretches of speech, none longer than the model hears in
// one piece.
func segments(samples []float32, longest int) (list []*segment) {
	m := turn.Machine{Options: turn.Options{Threshold: segmentSpeech, Silence: segmentPause}}
	frames := session.NewDetector().Push(samples)
	for _, f := range frames {
		if m.Step(f) == turn.Stopped {
			first, end := m.Speech()
			list = cut(list, frames, int(first), int(end), longest)
		}
	}
	if m.Speaking() {
		first, end := m.Speech()
		list = cut(list, frames, int(first), int(end), longest)
	}
	return list
}

// cut adds a stretch of speech. One that is too long is cut where it is least
// likely speech in its last third.
func cut(list []*segment, frames []turn.Frame, first, end, longest int) []*segment {
	longest -= 2 * int(turn.Samples(segmentMargin))
	for longest > 3*turn.FrameSamples && end-first > longest {
		best, at := float32(2), first+longest
		for i := (first + longest*2/3) / turn.FrameSamples; (i+1)*turn.FrameSamples <= first+longest; i++ {
			if p := frames[i].Probability; p < best {
				best, at = p, i*turn.FrameSamples+turn.FrameSamples/2
			}
		}
		list = append(list, &segment{first: first, end: at})
		first = at
	}
	return append(list, &segment{first: first, end: end})
}

// writeDown asks the model for the words of each segment.
func (s *Server) writeDown(ctx context.Context, req *transcriptionRequest, samples []float32, events *eventWriter) (*transcript, error) {
	t := &transcript{seconds: float64(len(samples)) / float64(audio.ModelRate)}
	t.segments = segments(samples, s.served.Engine.Model().ClipSamples)
	prompt := session.ScribePrompt(&realtime.Transcription{Language: req.Language, Prompt: req.Prompt})
	for i, seg := range t.segments {
		q := &question{options: chat.Options{Generate: true}}
		q.generate.Sample.Temperature = req.Temperature
		q.generate.Sample.Seed = newSeed()
		if slices.Contains(req.Include, "logprobs") {
			q.generate.Sample.LogProbs = 1
		}
		margin := int(turn.Samples(segmentMargin))
		heard := samples[max(0, seg.first-margin):min(len(samples), seg.end+margin)]
		q.generate.Max = len(heard)/max(1, s.served.Engine.Model().TokenSamples) + segmentWords
		if err := s.hear(q, prompt, heard); err != nil {
			q.close()
			return nil, err
		}
		a, err := s.ask(ctx, q, &dictation{seg: seg, events: events, behind: i > 0})
		q.close()
		if err != nil {
			return nil, err
		}
		seg.text = strings.TrimSpace(seg.text)
		t.audio, t.input, t.output = t.audio+a.usage.InputAudio, t.input+a.input(), t.output+a.output
	}
	return t, nil
}

// hear makes a question of a stretch of sound, as it is.
func (s *Server) hear(q *question, prompt string, samples []float32) error {
	clip, err := s.served.Engine.NewClip()
	if err != nil {
		return err
	}
	it := &conversation.Item{Item: realtime.Item{Type: realtime.Message, Role: realtime.RoleUser,
		Content: []realtime.Content{{Type: realtime.InputText, Text: prompt}, {Type: realtime.InputAudio}}}}
	it.Attach(1, clip)
	q.items = []*conversation.Item{it}
	if err := clip.Push(samples); err != nil {
		return err
	}
	clip.End()
	return nil
}

// dictation takes the words of a segment.
type dictation struct {
	seg    *segment
	events *eventWriter // nil: nobody waits for pieces
	behind bool         // other words come before
}

func (d *dictation) begin(*answer) error                { return nil }
func (d *dictation) call(*toolCall, string, bool) error { return nil }

func (d *dictation) text(piece string, tokens []choice) error {
	if d.seg.text == "" {
		piece = strings.TrimLeft(piece, " \n")
	}
	if piece == "" {
		return nil
	}
	delta := piece
	if d.seg.text == "" && d.behind {
		delta = " " + piece
	}
	d.seg.text += piece
	d.seg.tokens = append(d.seg.tokens, tokens...)
	if d.events == nil {
		return nil
	}
	return d.events.send("", map[string]any{"type": "transcript.text.delta", "delta": delta})
}

// usage counts tokens.
func (t *transcript) usage() map[string]any {
	return map[string]any{"type": "tokens", "input_tokens": t.input, "output_tokens": t.output, "total_tokens": t.input + t.output,
		"input_token_details": map[string]int{"audio_tokens": t.audio, "text_tokens": t.input - t.audio}}
}

// answer sends a transcript in the format that was asked for.
func (t *transcript) answer(w http.ResponseWriter, req *transcriptionRequest) {
	switch req.Format {
	case "text":
		writeText(w, "text/plain; charset=utf-8", t.text()+"\n")
	case "srt":
		writeText(w, "application/x-subrip; charset=utf-8", t.subtitles("", ",", true))
	case "vtt":
		writeText(w, "text/vtt; charset=utf-8", t.subtitles("WEBVTT\n\n", ".", false))
	case "verbose_json":
		writeJSON(w, http.StatusOK, t.verbose(req))
	default:
		body := map[string]any{"text": t.text(), "usage": t.usage()}
		if slices.Contains(req.Include, "logprobs") {
			scores := []chatLogprob{}
			for _, s := range t.segments {
				scores = append(scores, chatScores(s.tokens, false)...)
			}
			body["logprobs"] = scores
		}
		writeJSON(w, http.StatusOK, body)
	}
}

// verbose tells when what was said. What is not known is left out: the model
// says neither the language nor when each word was.
func (t *transcript) verbose(req *transcriptionRequest) map[string]any {
	list := make([]map[string]any, len(t.segments))
	for i, s := range t.segments {
		list[i] = map[string]any{"id": i, "start": seconds(s.first), "end": seconds(s.end), "text": s.text}
	}
	body := map[string]any{"task": "transcribe", "duration": t.seconds, "text": t.text(), "segments": list,
		"usage": map[string]any{"type": "duration", "seconds": t.seconds}}
	if req.Language != "" {
		body["language"] = req.Language
	}
	return body
}

// seconds is a number of samples as time, to the millisecond.
func seconds(samples int) float64 { return float64(turn.Milliseconds(int64(samples))) / 1000 }

// subtitles writes the segments as SRT or WebVTT.
func (t *transcript) subtitles(head, point string, numbered bool) string {
	stamp := func(samples int) string {
		ms := turn.Milliseconds(int64(samples))
		return fmt.Sprintf("%02d:%02d:%02d%s%03d", ms/3600000, ms/60000%60, ms/1000%60, point, ms%1000)
	}
	var out strings.Builder
	out.WriteString(head)
	for i, s := range t.segments {
		if numbered {
			fmt.Fprintf(&out, "%d\n", i+1)
		}
		fmt.Fprintf(&out, "%s --> %s\n%s\n\n", stamp(s.first), stamp(s.end), strings.ReplaceAll(s.text, "\n", " "))
	}
	return out.String()
}

// writeText answers with text.
func writeText(w http.ResponseWriter, kind, text string) {
	w.Header().Set("Content-Type", kind)
	_, _ = io.WriteString(w, text) // a client that left needs no answer
}
