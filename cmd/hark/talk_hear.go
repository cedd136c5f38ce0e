package main

import (
	"encoding/base64"
	"math"
	"net/http"
	"time"

	"hark/audio/pcm"
	"hark/media/duplex"
)

// echoTail is how long behind the voice it may still be heard, in a room and
// in the buffers of devices.
const echoTail = 400 * time.Millisecond

// frame takes 20 ms of both directions.
func (t *talk) frame(f duplex.Frame) {
	if t.files != nil {
		t.speak(&f)
		if t.quit {
			return
		}
	}
	heard := t.listen(f)
	if t.rec != nil {
		if err := t.rec.add(heard, f.Far); err != nil {
			t.end(usage("--out: %w", err))
			return
		}
	}
	t.level(heard)
	t.detect(heard, f.At)
	if !t.muted || !t.c.PushToTalk {
		t.sendSound(heard)
	}
	t.playOn(f.At)
	t.show.state(t.state())
}

// listen returns what the server may hear of a frame: without the echo of the
// voice, and nothing while the microphone is off.
func (t *talk) listen(f duplex.Frame) []float32 {
	heard := f.Mic
	switch {
	case t.canceller != nil:
		if f.Slipped {
			t.canceller.Slip()
		}
		heard = t.canceller.Process(f.Mic, f.Far)
	case t.halfDuplex:
		if loud(f.Far) > -60 {
			t.rests = f.At.Add(echoTail)
		}
		if f.At.Before(t.rests) {
			clear(heard)
		}
	}
	if t.muted {
		clear(heard)
	}
	return heard
}

// loud returns the level of samples in dB of full scale, -100 at least.
func loud(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return max(-100, 10*math.Log10(sum/float64(max(1, len(x)))+1e-10))
}

// level keeps the level that the meter shows: up at once, down slowly.
func (t *talk) level(heard []float32) {
	const fall = 1.5 // dB a frame
	t.micLevel = max(loud(heard), t.micLevel-fall)
}

// detect keeps when the user last spoke: delays count from there, not from
// where the server knows that the turn is over. Where the end of a file ends
// the turn, that counts.
func (t *talk) detect(heard []float32, at time.Time) {
	if t.c.Turns == "none" && t.files != nil {
		return
	}
	for _, frame := range t.detector.Push(t.to16.Push(heard)) {
		if frame.Probability >= speaks {
			t.lastSpeech = at
		}
	}
}

// sendSound appends a frame to what the server hears. Where nothing but files
// is spoken and their ends are turns, nothing is sent between them. If the
// server does not keep up, sound is lost before anything else.
func (t *talk) sendSound(heard []float32) {
	if t.files != nil && t.c.Turns == "none" && !t.files.speaking && !t.files.ended.IsZero() && len(t.files.now) == 0 {
		return
	}
	if len(t.link.out) > linkQueue-soundRoom {
		t.stats.Lost++
		return
	}
	t.send(map[string]any{"type": "input_audio_buffer.append", "audio": base64.StdEncoding.EncodeToString(pcm.Append(nil, pcm.PCM16, heard))})
}

// commit ends the user's turn and asks for an answer.
func (t *talk) commit(at time.Time) {
	t.lastSpeech = at
	t.send(map[string]any{"type": "input_audio_buffer.commit"})
	t.send(map[string]any{"type": "response.create"})
}

// look sends a frame of the camera.
func (t *talk) look(frame []byte) {
	if !t.blind && len(t.link.out) < linkQueue-soundRoom {
		t.stats.Frames++
		t.send(map[string]any{"type": "input_image_buffer.append", "image": base64.StdEncoding.EncodeToString(frame)})
	}
}

// pictureItem is the event that shows a picture.
func pictureItem(picture []byte) map[string]any {
	uri := "data:" + http.DetectContentType(picture) + ";base64," + base64.StdEncoding.EncodeToString(picture)
	return userItem(map[string]any{"type": "input_image", "image_url": uri})
}

// userItem is the event that says something besides sound.
func userItem(content map[string]any) map[string]any { return messageItem("user", content) }

// messageItem is the event that adds what one side says.
func messageItem(role string, content map[string]any) map[string]any {
	return map[string]any{"type": "conversation.item.create", "item": map[string]any{
		"type": "message", "role": role, "content": []any{content}}}
}
