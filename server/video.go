package server

import (
	"time"

	"hark/audio/sound"
	"hark/engine/chat"
	"hark/server/ffmpeg"
	"hark/session"
	"hark/session/conversation"
	"hark/session/realtime"
)

// frames says of the pictures of a conversation which are parts of videos.
type frames map[conversation.Medium]frame

type frame struct {
	video int           // which of the conversation's videos
	at    time.Duration // since its beginning
}

// video adds the pictures of a video, and its sound where the model hears.
func (l *loader) video(it *conversation.Item, a address) error {
	file, err := l.load(a.URL)
	if err != nil {
		return err
	}
	switch sound.Sniff(file) {
	case sound.MP4, sound.Matroska, sound.AVI, sound.MPEG, sound.OtherOgg:
	default:
		return realtime.Invalid("unsupported_format", "url", "this is no video; MP4, WebM, Matroska, AVI and MPEG are supported")
	}
	pictures, err := l.s.o.FFmpeg.Frames(l.ctx, file, maxVideoSeconds)
	if err != nil {
		return locate(mediaError(err, sound.Sniff(file)), "url")
	}
	if err := l.show(it, pictures); err != nil {
		return err
	}
	if !l.s.served.Engine.Model().Hears {
		return nil
	}
	samples, err := l.s.o.FFmpeg.Sound(l.ctx, file, maxVideoSeconds)
	if err != nil { // it has none
		return nil
	}
	return l.listen(it, samples)
}

// show adds the pictures of a video, each with few soft tokens.
func (l *loader) show(it *conversation.Item, pictures []ffmpeg.Frame) error {
	video := len(l.frames)
	it.Content = append(it.Content, realtime.Content{Type: realtime.InputImage})
	for _, p := range pictures {
		medium, err := session.Look(l.s.served.Engine, p.JPEG, "low")
		if err != nil {
			return locate(err, "url")
		}
		it.Attach(len(it.Content)-1, medium)
		l.frames[medium] = frame{video, p.At}
	}
	return nil
}

// join makes a video of the pictures that are its parts, so that the chat
// format says when each was taken.
func (f frames) join(messages []chat.Message, media []conversation.Medium) {
	if len(f) == 0 {
		return
	}
	for i := range messages {
		var out []chat.Content
		last := -1 // the video that the last of out is
		for _, c := range messages[i].Content {
			var part frame
			is := false
			if c.Kind == chat.Image {
				part, is = f[media[c.Media]]
			}
			switch {
			case !is:
				last = -1
				out = append(out, c)
				continue
			case part.video != last:
				last = part.video
				out = append(out, chat.Content{Kind: chat.Video})
			}
			v := &out[len(out)-1]
			v.Frames = append(v.Frames, chat.Frame{At: part.at, Media: c.Media})
			v.Tokens += c.Tokens
		}
		messages[i].Content = out
	}
}
