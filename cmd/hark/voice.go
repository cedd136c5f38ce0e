package main

import (
	"errors"
	"log/slog"
	"strings"

	"hark/audio/speech"
)

// voiceFlags choose what says answers aloud.
type voiceFlags struct {
	Voice         string `help:"What says answers aloud: auto (the best that is installed), espeak, piper:FILE.onnx or none." default:"auto" placeholder:"VOICE"`
	VoiceLanguage string `help:"Language of answers in Latin script whose words do not give it away." default:"en-us" placeholder:"TAG"`
	Onnxruntime   string `help:"The library of ONNX Runtime, for voices of Piper; found by itself beside the voice or where the system has it." placeholder:"FILE"`
}

// openVoice makes the speaker. With auto, that there is none is no error: sessions
// then answer in text.
func (f *voiceFlags) openVoice(log *slog.Logger) (speech.Speaker, error) {
	o := speech.OpenOptions{Engine: f.Voice, Language: f.VoiceLanguage, Runtime: f.Onnxruntime}
	if path, ok := strings.CutPrefix(f.Voice, "piper:"); ok {
		o.Engine, o.Piper = speech.Piper, path
	}
	s, err := speech.Open(o)
	switch {
	case err == nil:
		return s, nil
	case errors.Is(err, speech.ErrNone) && (f.Voice == speech.Auto || f.Voice == speech.None):
		log.Info("answers are text", "why", err)
		return nil, nil
	}
	return nil, usage("--voice %s: %w", f.Voice, err)
}
