package session

import (
	"fmt"

	"hark/audio"
	"hark/audio/resample"
	"hark/media"
	"hark/session/conversation"
	"hark/session/realtime"
	"hark/session/turn"
)

// utterance is what the user is saying: an item that is not in the
// conversation yet, with a clip that grows.
type utterance struct {
	recorder
	announced bool  // the client was told of its start
	silent    bool  // there is no speech in it
	failed    error // why it cannot be heard
}

// appendAudio takes sound. It goes through the ear a second at a time, so that
// limits hold within large appends too.
func (s *session) appendAudio(ev realtime.AudioAppend) {
	if len(ev.Audio) > MaxAppendBytes {
		s.fault(ev.ID(), realtime.Invalid(realtime.CodeTooLong, "audio",
			"the append has %d bytes, want at most %d", len(ev.Audio), MaxAppendBytes))
		return
	}
	if !s.info.Hears {
		if !s.deaf { // once: a microphone appends fifty times a second
			s.deaf = true
			s.fault(ev.ID(), realtime.Invalid(realtime.CodeUnsupported, "", "the model cannot hear"))
		}
		return
	}
	const piece = 48000 // bytes, a second of PCM16 at 24 kHz
	for data := ev.Audio; len(data) > 0 && s.ended == nil; {
		n := min(len(data), piece)
		s.ear.appendBytes(data[:n], s.heard)
		data = data[n:]
		if !s.bounded(ev.ID()) {
			return
		}
	}
}

// appendTrack takes sound that comes outside the events.
func (s *session) appendTrack(a media.Audio) {
	if !s.info.Hears {
		return
	}
	if s.track == nil || a.Rate != s.trackRate {
		r, err := resample.New(audio.Rate(a.Rate), audio.ModelRate)
		if err != nil {
			s.end(fmt.Errorf("session: %w", err)) // the transport's fault
			return
		}
		s.track, s.trackRate = r, a.Rate
	}
	s.ear.push(s.track.Push(a.Samples), s.heard)
	s.bounded("")
}

// bounded keeps the buffer within its limits. It reports false if the rest of
// an append is refused.
func (s *session) bounded(eventID string) bool {
	limit := s.maxUtterance()
	if s.config.TurnDetection != nil {
		if s.live != nil && s.live.length > limit {
			s.ear.stop(s.heard)
		}
		return true
	}
	if s.ear.length() <= turn.Samples(MaxBuffer) && (s.live == nil || s.live.length <= limit) {
		return true
	}
	s.abandon()
	s.ear.clear()
	s.fault(eventID, realtime.Invalid(realtime.CodeBufferFull, "audio",
		"the input buffer held more than %d s and was cleared: commit sooner", min(limit, turn.Samples(MaxBuffer))/modelRate))
	return false
}

// maxUtterance is the longest utterance in samples.
func (s *session) maxUtterance() int64 {
	return maxUtterance(s.info.Context, s.info.TokenSamples)
}

// heard takes what the ear found.
func (s *session) heard(h heard) {
	switch h.what {
	case heardStart:
		s.beginUtterance(h)
	case heardSound:
		s.hear(h.samples)
	case heardLikely:
		s.likelyEnd()
	case heardResumed:
		s.resumed()
	case heardStop:
		s.endTurn(h.at)
	}
}

// beginUtterance begins an item. Where the server finds the turns, the client
// is told first and the answer in progress stops.
func (s *session) beginUtterance(h heard) {
	item := &conversation.Item{Item: realtime.Item{
		ID:     s.id.next("item"),
		Type:   realtime.Message,
		Role:   realtime.RoleUser,
		Status: realtime.Completed,
	}}
	s.live = &utterance{recorder: recorder{engine: s.engine, info: s.info, item: item}, silent: h.silent}
	s.watchClosely(true)
	s.endLull()
	if t := s.lull.event; t != nil {
		t.ItemID = item.ID
		s.send(*t)
	}
	if d := s.config.TurnDetection; d != nil && !s.committing {
		s.live.announced = true
		s.send(realtime.SpeechStarted{ItemID: item.ID, AudioStartMS: turn.Milliseconds(h.at)})
		if d.InterruptResponse {
			s.interrupt()
		}
	}
	if s.lookUp(item) {
		s.live.part = 1
	}
	item.Content = append(item.Content, realtime.Content{Type: realtime.InputAudio})
}

// hear hands sound to the model, which begins to read it at once.
func (s *session) hear(samples []float32) {
	u := s.live
	if u == nil || u.failed != nil {
		return
	}
	begun, err := u.write(samples)
	u.failed = err
	s.keep(u.item, u.part, samples)
	s.lookAgain()
	if begun {
		s.stale = true // the prompt ends in another clip
	}
}

// endTurn is the end of a turn that the server found, or of a committed one.
func (s *session) endTurn(at int64) {
	u := s.live
	if u == nil {
		return
	}
	if u.announced && !s.committing {
		s.send(realtime.SpeechStopped{ItemID: u.item.ID, AudioEndMS: turn.Milliseconds(at)})
	}
	d := s.config.TurnDetection
	answers := !s.committing && d != nil && d.CreateResponse && s.config.Type == realtime.RealtimeSession
	if !answers || u.failed != nil || s.items.Len() >= MaxItems {
		s.abandonGuess()
	}
	s.commitUtterance()
	switch {
	case s.guess != nil:
		s.adopt()
	case answers:
		s.answerTurn()
	}
}

// commitUtterance makes what was said an item of the conversation.
func (s *session) commitUtterance() {
	u := s.live
	s.confirm()
	s.live = nil
	s.watchClosely(false)
	u.end()
	s.stale = true
	s.makeRoom()
	if u.failed != nil {
		u.item.Close()
		s.fault(s.commitID, u.failed)
		return
	}
	if s.items.Len() >= MaxItems {
		u.item.Close()
		s.fault(s.commitID, tooManyItems())
		return
	}
	previous := s.items.Last()
	s.items.Add(u.item)
	s.send(realtime.AudioCommitted{ItemID: u.item.ID, Previous: previous})
	s.announce(u.item, previous)
	s.transcribe(u)
}

// announce tells the client of an item that is whole.
func (s *session) announce(it *conversation.Item, previous string) {
	s.send(realtime.ItemAdded{Previous: previous, Item: &it.Item})
	s.send(realtime.ItemDone{Previous: previous, Item: &it.Item})
}

// commitAudio ends the buffer because the client says so.
func (s *session) commitAudio(ev realtime.AudioCommit) {
	// Where the server finds the turns, the client may commit what a turn has
	// just taken. There is nothing left to do, and one client does not
	// survive the error.
	if s.ear.taken && !s.ear.open {
		s.ear.clear()
		return
	}
	if s.ear.empty() {
		s.fault(ev.ID(), realtime.Invalid(realtime.CodeCommitEmpty, "",
			"the input buffer has %d ms of audio, want at least %d", turn.Milliseconds(s.ear.length()), minCommit.Milliseconds()))
		return
	}
	s.committing, s.commitID = true, ev.ID()
	s.ear.commit(s.heard)
	s.committing, s.commitID = false, ""
}

// clearAudio drops the buffer.
func (s *session) clearAudio() {
	s.abandon()
	s.ear.clear()
	s.send(realtime.AudioCleared{})
}

// abandon drops what is being said.
func (s *session) abandon() {
	if s.live == nil {
		return
	}
	s.abandonGuess()
	s.live.end()
	s.sounds.forget(s.live.item.ID)
	s.discard(s.live.item)
	s.live = nil
	s.watchClosely(false)
}
