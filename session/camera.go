package session

import (
	"time"

	"hark/media"
	"hark/session/conversation"
	"hark/session/realtime"
)

// A camera sends frames as they come (input_image_buffer.append). They wait
// here, and the newest wins: it becomes part of what the user says next, in
// front of the sound, so that it is seen while the user still speaks. While
// that lasts, newer frames take its place. Once a newer one is shown, the
// model sees the older ones no more.

// camera is what was seen and not shown yet, and what was shown.
type camera struct {
	frame realtime.ImageAppend // the newest; no Image: none
	blind bool                 // the client was told that the model cannot see
	taken time.Time            // when a frame was last made a picture
	shown *conversation.Item   // whose first part is the frame that the model sees
}

// The bounds of cameras.
const (
	// maxFrame is the size of an encoded frame in bytes.
	maxFrame = 4 << 20
	// frameEvery is the least time between two frames that one utterance
	// shows: each makes the model see, and read what was said after it, anew.
	frameEvery = time.Second
	// frameUntil is how long an utterance may be for a newer frame to be
	// shown: what comes later would make too much be read again.
	frameUntil = 10 * time.Second
)

// appendImage takes a frame of the camera.
func (s *session) appendImage(ev realtime.ImageAppend) {
	switch {
	case len(ev.Image) > maxFrame:
		s.fault(ev.ID(), realtime.Invalid(realtime.CodeTooLong, "image", "the frame has %d bytes, want at most %d", len(ev.Image), maxFrame))
	case !s.info.Sees:
		if !s.camera.blind { // once: a camera goes on and on
			s.camera.blind = true
			s.fault(ev.ID(), realtime.Invalid(realtime.CodeUnsupported, "", "the model cannot see"))
		}
	default:
		s.camera.frame = ev
		s.lookAgain()
	}
}

// watchClosely tells a camera outside the events whether somebody is speaking.
func (s *session) watchClosely(closely bool) {
	if w, ok := s.conn.(media.Watcher); ok {
		w.Watch(closely)
	}
}

// clearImage forgets the frame that was not shown.
func (s *session) clearImage() {
	s.camera.frame = realtime.ImageAppend{}
	s.send(realtime.ImageCleared{})
}

// lookUp shows the newest frame as the first part of an item that has no part
// yet. It reports whether there was one.
func (s *session) lookUp(it *conversation.Item) bool {
	picture := s.develop()
	if picture == nil {
		return false
	}
	it.Content = append(it.Content, realtime.Content{Type: realtime.InputImage, Detail: s.camera.frame.Detail})
	it.Attach(0, picture)
	if old := s.camera.shown; old != nil {
		s.unsee(old)
	}
	s.camera.shown, s.camera.frame = it, realtime.ImageAppend{}
	return true
}

// lookAgain shows a newer frame in what is being said.
func (s *session) lookAgain() {
	u := s.live
	if len(s.camera.frame.Image) == 0 || u == nil || u.item != s.camera.shown || s.ear.hold || time.Duration(u.length)*time.Second/time.Duration(modelRate) > frameUntil ||
		time.Since(s.camera.taken) < frameEvery || s.engine.Loaded() {
		return
	}
	picture := s.develop()
	if picture == nil {
		return
	}
	s.unsee(u.item)
	u.item.Attach(0, picture)
	s.camera.frame = realtime.ImageAppend{}
	s.stale = true
}

// develop makes a picture of the newest frame, nil for none. The client is told
// if it is not one.
func (s *session) develop() conversation.Medium {
	ev := s.camera.frame
	if len(ev.Image) == 0 || s.config.Type == realtime.TranscriptionSession {
		return nil
	}
	picture, err := Look(s.engine, ev.Image, ev.Detail)
	if err != nil {
		s.camera.frame = realtime.ImageAppend{}
		s.fault(ev.ID(), s.locate(err, "image"))
		return nil
	}
	s.camera.taken = time.Now()
	return picture
}

// unsee takes the frame out of an item.
func (s *session) unsee(it *conversation.Item) {
	if len(it.Media) == 0 || len(it.Media[0]) == 0 {
		return // forgotten with its item
	}
	s.discard(&conversation.Item{Media: [][]conversation.Medium{it.Media[0]}})
	it.Media[0] = nil
	s.gap = true
}

// showFrame makes the newest frame an item of its own, in front of an answer
// that the client asks for. Where the user has just spoken and shown a frame,
// that one counts.
func (s *session) showFrame(p realtime.ResponseParams) {
	if p.OutOfBand || p.Input.Set || s.active != nil || s.live != nil || s.items.Len() >= MaxItems {
		return
	}
	last := s.camera.shown
	if last != nil && last.ID == s.items.Last() {
		return
	}
	it := &conversation.Item{Item: realtime.Item{
		ID:     s.id.next("item"),
		Type:   realtime.Message,
		Role:   realtime.RoleUser,
		Status: realtime.Completed,
	}}
	if !s.lookUp(it) {
		return
	}
	previous := s.items.Last()
	s.items.Add(it)
	s.stale = true
	s.announce(it, previous)
}

// mostPictures is how many messages with nothing but a picture, one after
// another, the model sees. Some clients send a camera that way, a message a
// frame, for as long as nobody speaks.
const mostPictures = 8

// thinPictures takes the oldest of such messages out of the prompts. They stay
// items.
func (s *session) thinPictures() {
	items := s.items.Items()
	seen := 0
	for i := len(items) - 1; i >= 0 && pictureAlone(items[i]); i-- {
		if items[i].Forgotten {
			return
		}
		if seen++; seen > mostPictures {
			s.forget([]*conversation.Item{items[i]})
			s.gap = true
		}
	}
}

// pictureAlone reports whether an item is a user's picture without a word.
func pictureAlone(it *conversation.Item) bool {
	return it.Role == realtime.RoleUser && len(it.Content) == 1 && it.Content[0].Type == realtime.InputImage
}
