package session

import (
	"slices"

	"hark/engine/chat"
	"hark/session/conversation"
)

// A conversation that outgrows the context loses its oldest turns, unless the
// client forbade it: they stay items, but the model does not read them any
// more. Instructions and tools stay. Once something must go, more goes at
// once, so that the turns that follow find their beginning in the cache.

// fit renders items so that an answer fits behind them, and returns the items
// that had to be left out for that. Where even that is too long, the engine
// will say so.
func (s *session) fit(instructions string, items []*conversation.Item, o chat.Options) (Prompt, []*conversation.Item, error) {
	prompt, err := s.render(instructions, items, o)
	truncation := s.config.Truncates()
	if err != nil || truncation.Disabled {
		return prompt, nil, err
	}
	room := s.room(o)
	if truncation.PostInstructions == 0 && prompt.Tokens() <= room {
		return prompt, nil, nil
	}
	head := s.head(instructions, o)
	limit := room - head
	if n := truncation.PostInstructions; n > 0 {
		limit = min(limit, n)
	}
	if prompt.Tokens()-head <= limit {
		return prompt, nil, nil
	}
	stays := truncation.Retention
	if stays < 0 {
		stays = autoRetention
	}
	goal := head + int(float64(max(limit, 0))*stays)
	var gone []*conversation.Item
	for prompt.Tokens() > goal {
		left := s.leave(items, prompt.Tokens()-goal)
		if len(left) == 0 {
			break
		}
		gone = append(gone, left...)
		items = without(items, left)
		if prompt, err = s.render(instructions, items, o); err != nil {
			return nil, nil, err
		}
	}
	return prompt, gone, nil
}

// room returns how long a prompt may be. A clip that still grows needs room
// for what is yet to be said of it.
func (s *session) room(o chat.Options) int {
	room := s.info.Context - s.info.Context/contextReserve
	if o.Open && s.info.TokenSamples > 0 {
		room -= min(s.info.ClipSamples/s.info.TokenSamples, room/contextReserve)
	}
	return room
}

// head returns the tokens of the instructions and tools; 0 for formats that
// have no place for them without a message.
func (s *session) head(instructions string, o chat.Options) int {
	o.Open, o.Generate = false, false
	prompt, err := s.render(instructions, nil, o)
	if err != nil {
		return 0
	}
	return prompt.Tokens()
}

// shorten takes the beginning of an utterance of several clips out of the
// prompt, where it is too long for the context even alone. It reports whether
// there was something to take.
func (s *session) shorten(items []*conversation.Item, prompt Prompt, o chat.Options) bool {
	if len(items) == 0 || prompt.Tokens() <= s.room(o) || s.config.Truncates().Disabled {
		return false
	}
	it := items[len(items)-1]
	for i, media := range it.Media {
		if len(media) > 1 {
			s.discard(&conversation.Item{Media: [][]conversation.Medium{media[:1]}})
			it.Media[i] = media[1:]
			return true
		}
	}
	return false
}

// leave returns the oldest items that together have about so many tokens.
func (s *session) leave(items []*conversation.Item, tokens int) (left []*conversation.Item) {
	for tokens > 0 {
		group := conversation.Oldest(items)
		if len(group) == 0 {
			break
		}
		// What cannot be rendered alone counts little: whoever asked renders
		// the rest and looks again.
		prompt, err := s.render("", group, chat.Options{})
		if err != nil {
			prompt = nil
		}
		tokens -= max(1, prompt.Tokens())
		left = append(left, group...)
		items = without(items, group)
	}
	return left
}

// without returns items without those of gone.
func without(items, gone []*conversation.Item) []*conversation.Item {
	left := make(map[*conversation.Item]bool, len(gone))
	for _, it := range gone {
		left[it] = true
	}
	return slices.DeleteFunc(slices.Clone(items), func(it *conversation.Item) bool { return left[it] })
}

// forget takes items out of all prompts to come, and frees their media.
func (s *session) forget(items []*conversation.Item) {
	for _, it := range items {
		it.Forgotten = true
	}
	s.log.Debug("forgot items", "items", len(items))
	s.discard(items...)
}
