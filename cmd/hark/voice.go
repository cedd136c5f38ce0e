package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"hark/audio/speech"
)

// voiceFlags choose what says answers aloud.
type voiceFlags struct {
	Voice         string `help:"What says answers aloud: auto (the best that is installed), espeak, piper:FILE.onnx or none." default:"auto" placeholder:"VOICE"`
	VoiceLanguage string `help:"Language of answers in Latin script whose words do not give it away." default:"en-us" placeholder:"TAG"`
	Onnxruntime   string `help:"The library of ONNX Runtime, for voices of Piper; found by itself beside the voice or where the system has it." placeholder:"FILE"`
}

// openVoice makes the speaker. With auto, a voice of Piper in the folder for
// voices comes first, then espeak-ng; that there is none is no error: sessions
// then answer in text.
func (f *voiceFlags) openVoice(log *slog.Logger) (speech.Speaker, error) {
	o := speech.OpenOptions{Engine: f.Voice, Language: f.VoiceLanguage, Runtime: f.Onnxruntime}
	path, named := strings.CutPrefix(f.Voice, "piper:")
	if named {
		o.Engine, o.Piper = speech.Piper, path
	}
	auto := f.Voice == speech.Auto
	if path := installedVoice(); auto && path != "" {
		o.Piper = path
		s, err := speech.Open(o)
		if err == nil {
			return s, nil
		}
		log.Warn("a voice is installed that cannot be used", "err", err)
		o.Engine = speech.Espeak
	}
	s, err := speech.Open(o)
	switch {
	case err == nil:
		return s, nil
	case errors.Is(err, speech.ErrNone) && (auto || f.Voice == speech.None):
		log.Info("answers are text", "why", err)
		return nil, nil
	}
	return nil, usage("--voice %s: %w", f.Voice, err)
}

// installedVoice returns the first voice of Piper in the user's folder for
// voices, "" for none.
func installedVoice() string {
	config, err := os.UserConfigDir()
	if err != nil {
		return ""
	}
	found, err := filepath.Glob(filepath.Join(config, "hark", "voices", "*.onnx"))
	if err != nil || len(found) == 0 {
		return ""
	}
	return found[0]
}

// voiceFinding has the voice that answers would be said with say something.
func voiceFinding(ctx context.Context) finding {
	f := finding{Name: "voice", Status: info}
	s, err := (&voiceFlags{Voice: speech.Auto, VoiceLanguage: "en-us"}).openVoice(slog.New(slog.DiscardHandler))
	switch {
	case err != nil:
		f.Status, f.Detail = fail, err.Error()
		return f
	case s == nil:
		f.Detail = "none: answers are text; espeak-ng would be one"
		return f
	}
	defer s.Close()
	samples, start := 0, time.Now()
	for sound, err := range s.Say(ctx, answer, speech.Options{}) {
		if err != nil {
			f.Status, f.Detail = fail, err.Error()
			return f
		}
		samples += len(sound.Samples)
	}
	f.Status, f.Seconds = pass, time.Since(start).Seconds()
	f.Detail = fmt.Sprintf("makes %.1f s of sound in %.0f ms", float64(samples)/float64(s.Rate()), f.Seconds*1000)
	if samples == 0 {
		f.Status = fail
	}
	return f
}
