package session

import (
	"sort"
	"time"

	"hark/session/realtime"
)

// heard returns how many bytes of a message's text have been said where so much
// of its sound was heard: whole words.
func (m *message) heard(d time.Duration) int {
	i := sort.Search(len(m.ends), func(i int) bool { return m.ends[i].at > d })
	if i == 0 {
		return 0
	}
	return m.ends[i-1].to
}

// cut makes the record of a message end where the user stopped to hear it.
func (s *session) cut(m *message, heard time.Duration) {
	s.sounds.truncate(m.item.ID, heard)
	if m.item.Truncate(m.heard(heard)) {
		m.item.Status = realtime.Incomplete
		s.stale = true
	}
}

// truncateItem is what clients send when an answer was cut off while they
// played it: only what was heard stays, in the conversation and in the cache.
// What was answered in text has no length in time, so it stays. A real item is
// never an error, since one client does not survive it; what lies behind the
// end of its sound is taken for the end.
func (s *session) truncateItem(ev realtime.ItemTruncate) {
	it := s.items.Get(ev.ItemID)
	if it == nil {
		s.fault(ev.ID(), realtime.Invalid(realtime.CodeTruncateUnknown, "item_id", "there is no item %.64q", ev.ItemID))
		return
	}
	end := ev.AudioEndMS
	if m := s.said[ev.ItemID]; m != nil && m.item == it {
		heard := min(time.Duration(end)*time.Millisecond, m.length)
		end = int(heard.Milliseconds())
		if m.closed {
			s.cut(m, heard)
		} else {
			m.limit = &heard // while it is being said it cannot get shorter
		}
	}
	s.send(realtime.ItemTruncated{ItemID: ev.ItemID, ContentIndex: ev.ContentIndex, AudioEndMS: end})
}

// hush stops all sound because the user speaks, or asked for it: what has not
// been played never will be. r is the response that was interrupted, nil for
// none.
func (s *session) hush(r *response) {
	if s.player == nil {
		if r != nil && r.voice != nil {
			// The client plays. It knows best what was heard and will say so;
			// until it does, it has heard no more than the clock allows.
			s.cutUnheard(r.voice, max(time.Until(s.soundUntil), 0), false)
		}
		s.soundUntil = time.Now()
		return
	}
	unheard := s.player.Clear()
	for i := len(s.playing) - 1; i >= 0; i-- {
		v := s.playing[i]
		v.cancel()
		s.send(realtime.OutputCleared{ResponseID: v.r.wire.ID})
		unheard = s.cutUnheard(v, unheard, true)
	}
	s.playing = nil
	s.soundUntil = time.Now()
}

// cutUnheard cuts messages of a voice, the last ones first, until so much sound
// is gone, and returns what is left of it. tell says that the client does not
// know.
func (s *session) cutUnheard(v *voice, unheard time.Duration, tell bool) time.Duration {
	for i := len(v.messages) - 1; i >= 0 && unheard > 0; i-- {
		m := v.messages[i]
		heard := max(m.length-unheard, 0)
		unheard -= m.length - heard
		if s.items.Get(m.item.ID) != m.item {
			continue // out of band, or deleted
		}
		s.cut(m, heard)
		if tell {
			s.send(realtime.ItemTruncated{ItemID: m.item.ID, AudioEndMS: int(heard.Milliseconds())})
		}
	}
	return unheard
}

// clearOutput stops the sound that the server plays, and the answer that makes
// it.
func (s *session) clearOutput() {
	if s.player == nil {
		return // the client plays
	}
	if r := s.active; r != nil && r.voice != nil {
		s.cancelActive(r, realtime.ClientCancelled)
	}
	s.hush(nil)
}
