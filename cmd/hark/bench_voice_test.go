package main

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"

	"hark/audio/speech"
)

// A spoken question, in real time, through servers on loopback: the one that
// hears it while it is spoken has the first token before the turn has ended.
func TestVoiceIsMeasuredThroughAServer(t *testing.T) {
	var out bytes.Buffer
	c := benchVoice{benchModel: brief(&out, true), In: []string{filepath.Join("..", "..", "testdata", "samples", "kiosk-2.wav")},
		Speech: []float64{0}, Detect: []string{"server_vad"}, Stream: true, Turns: 1, Tokens: 4}
	c.Voice, c.VoiceLanguage = speech.None, "en-us"
	if err := c.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows := delaysOf(t, &out)
	if len(rows) != 2 || rows[0].Mode != modeStream || rows[1].Mode != modeWhole {
		t.Fatalf("rows %+v, want one of each mode", rows)
	}
	for _, r := range rows {
		if r.Count != 1 || r.Window < 450 || r.FirstP50 < r.Window || r.Speech < 0.5 {
			t.Errorf("row %+v", r)
		}
	}
	if s, w := rows[0], rows[1]; s.Ready != 1 || s.Hidden != 1 || w.Ready != 0 {
		t.Errorf("of the first token hidden: %v streamed, %v whole; ready %v and %v", s.Hidden, w.Hidden, s.Ready, w.Ready)
	}
}

// The same over WebRTC, where the turn ends as soon after the speech.
func TestVoiceIsMeasuredOverWebRTC(t *testing.T) {
	var out bytes.Buffer
	c := benchVoice{benchModel: brief(&out, true), In: []string{filepath.Join("..", "..", "testdata", "samples", "kiosk-2.wav")},
		Speech: []float64{0}, Detect: []string{"server_vad"}, Stream: true, WebRTC: true, Turns: 1, Tokens: 4}
	c.Voice, c.VoiceLanguage = speech.None, "en-us"
	if err := c.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows := delaysOf(t, &out)
	if len(rows) != 2 || rows[0].Bench != "voice-webrtc" || rows[0].Count != 1 || rows[0].Window < 450 || rows[0].Window > 1500 {
		t.Fatalf("rows %+v", rows)
	}
}

func TestVoiceRefusesWhatMakesNoSense(t *testing.T) {
	var out bytes.Buffer
	good := benchVoice{benchModel: brief(&out, true), In: []string{"nowhere.wav"}, Speech: []float64{0},
		Detect: []string{"server_vad"}, Stream: true, Turns: 1, Tokens: 1}
	for name, spoil := range map[string]func(c *benchVoice){
		"file":   func(*benchVoice) {},
		"length": func(c *benchVoice) { c.Speech = []float64{-1} },
		"turns":  func(c *benchVoice) { c.Turns = 0 },
		"detect": func(c *benchVoice) { c.Detect = nil },
	} {
		c := good
		spoil(&c)
		var wrong usageError
		if err := c.Run(t.Context()); !errors.As(err, &wrong) {
			t.Errorf("%s: %v, want an error of the user", name, err)
		}
	}
}
