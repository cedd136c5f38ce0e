package session

import (
	"fmt"
	"slices"

	"hark/session/conversation"
	"hark/session/realtime"
	"hark/vision"
)

// handle takes one client event.
func (s *session) handle(ev realtime.ClientEvent) {
	switch ev.(type) {
	case realtime.AudioAppend, realtime.ImageAppend, realtime.OutputClear, realtime.ItemRetrieve:
	default: // what is asked may have changed
		s.changed()
	}
	switch ev := ev.(type) { // exhaustive
	case realtime.SessionUpdate:
		s.updateSession(ev)
	case realtime.AudioAppend:
		s.appendAudio(ev)
	case realtime.AudioCommit:
		s.commitAudio(ev)
	case realtime.AudioClear:
		s.clearAudio()
	case realtime.ImageAppend:
		s.appendImage(ev)
	case realtime.ImageClear:
		s.clearImage()
	case realtime.OutputClear:
		s.clearOutput()
	case realtime.ItemCreate:
		s.createItem(ev)
	case realtime.ItemRetrieve:
		s.retrieveItem(ev)
	case realtime.ItemDelete:
		s.deleteItem(ev)
	case realtime.ItemTruncate:
		s.truncateItem(ev)
	case realtime.ResponseCreate:
		if s.config.Type == realtime.TranscriptionSession {
			s.fault(ev.ID(), realtime.Invalid(realtime.CodeInvalidEvent, "type", "a transcription session does not answer"))
			return
		}
		s.showFrame(ev.Params)
		s.createResponse(ev)
	case realtime.ResponseCancel:
		s.cancelResponse(ev)
	}
}

// updateSession changes the configuration, wholly or not at all.
func (s *session) updateSession(ev realtime.SessionUpdate) {
	next := ev.Session.Apply(s.config)
	next.Output = s.modality(next.Output)
	err := s.checkSession(&next)
	if err == nil {
		err = s.ear.configure(next.InputFormat, next.TurnDetection)
	}
	if err != nil {
		s.fault(ev.ID(), err)
		return
	}
	s.config = next
	s.beta = s.beta || ev.Session.Beta
	s.stale = true
	s.send(realtime.SessionUpdated{Session: &s.config})
}

// checkSession applies the limits to a configuration.
func (s *session) checkSession(c *realtime.Session) error {
	if len(c.Tools) > MaxTools {
		return realtime.Invalid(realtime.CodeTooLong, "session.tools", "%d tools, want at most %d", len(c.Tools), MaxTools)
	}
	if size := size(realtime.SessionUpdated{Session: c}); size > MaxEventBytes {
		return realtime.Invalid(realtime.CodeTooLong, "session",
			"the session has %d bytes with its instructions and tools, want at most %d", size, MaxEventBytes)
	}
	return nil
}

// size returns the length of an event on the wire.
func size(ev realtime.ServerEvent) int {
	return len(realtime.Append(nil, "event_0123456789abcdefghijklmn", ev))
}

func tooManyItems() error {
	return realtime.Invalid(realtime.CodeTooManyItems, "", "the conversation has %d items, delete some", MaxItems)
}

// createItem adds an item.
func (s *session) createItem(ev realtime.ItemCreate) {
	if err := s.addItem(ev); err != nil {
		s.fault(ev.ID(), err)
	}
}

func (s *session) addItem(ev realtime.ItemCreate) error {
	if s.items.Len() >= MaxItems {
		return tooManyItems()
	}
	if ev.Item.ID != "" && s.items.Get(ev.Item.ID) != nil {
		return realtime.Invalid(realtime.CodeDuplicateItem, "item.id", "item %.64q exists already", ev.Item.ID)
	}
	if p := ev.Previous; p != "" && p != realtime.RootItem && s.items.Get(p) == nil {
		return realtime.Invalid(realtime.CodeInvalidValue, "previous_item_id", "there is no item %.64q", p)
	}
	content := slices.Clone(ev.Item.Content)
	it, err := s.newItem(ev.Item, "item")
	if err != nil {
		return err
	}
	for i, c := range content {
		if len(c.Audio) > 0 {
			s.sounds.add(it.ID, i, s.config.InputFormat, c.Audio)
		}
	}
	s.items.Insert(ev.Previous, it) // the place was looked at above
	s.thinPictures()
	s.stale = true
	s.announce(it, s.items.Before(it))
	return nil
}

// newItem makes an item of what a client sent: pictures are decoded, sound
// becomes clips. path is where errors say it stands.
func (s *session) newItem(wire realtime.Item, path string) (*conversation.Item, error) {
	if len(wire.Content) > MaxParts {
		return nil, realtime.Invalid(realtime.CodeTooLong, path+".content", "%d parts, want at most %d", len(wire.Content), MaxParts)
	}
	if wire.ID == "" {
		wire.ID = s.id.next("item")
	}
	if wire.Status == "" {
		wire.Status = realtime.Completed
	}
	if wire.Type == realtime.FunctionCall && wire.CallID == "" {
		wire.CallID = s.id.next("call")
	}
	it := &conversation.Item{Item: wire}
	if size := size(realtime.ItemAdded{Item: &it.Item}); size > MaxEventBytes {
		return nil, realtime.Invalid(realtime.CodeTooLong, path, "the item has %d bytes of text, want at most %d", size, MaxEventBytes)
	}
	for i := range it.Content {
		c := &it.Content[i]
		var err error
		field := "image_url"
		switch {
		case c.Type == realtime.InputImage:
			err = s.see(it, i, c)
		case c.Type == realtime.InputAudio && len(c.Audio) > 0:
			field = "audio"
			err = s.listenTo(it, i, c.Audio)
		}
		c.Image, c.Audio = nil, nil // the engine has them
		if err != nil {
			it.Close()
			return nil, s.locate(err, fmt.Sprintf("%s.content[%d].%s", path, i, field))
		}
	}
	return it, nil
}

// see makes a picture of part i of an item.
func (s *session) see(it *conversation.Item, i int, c *realtime.Content) error {
	p, err := Look(s.engine, c.Image, c.Detail)
	if err != nil {
		return err
	}
	it.Attach(i, p)
	return nil
}

// Look makes a picture of an encoded one. Detail low gives it fewer soft
// tokens, where the model takes many.
func Look(e Engine, data []byte, detail string) (conversation.Medium, error) {
	img, err := vision.Decode(data, nil)
	if err != nil {
		return nil, err
	}
	tokens := 0
	if detail == "low" && e.Model().Geometry.Tokens > lowDetailTokens {
		tokens = lowDetailTokens
	}
	return e.NewPicture(img, tokens)
}

// locate gives an error that has no field the field that it is about.
func (s *session) locate(err error, param string) error {
	e, _ := s.explain(err)
	if e.Param == "" {
		e.Param = param
	}
	return e
}

// deleteItem takes an item out of the conversation.
func (s *session) deleteItem(ev realtime.ItemDelete) {
	it := s.items.Delete(ev.ItemID)
	if it == nil {
		s.fault(ev.ID(), realtime.Invalid(realtime.CodeDeleteUnknown, "item_id", "there is no item %.64q", ev.ItemID))
		return
	}
	delete(s.said, it.ID)
	s.forgetCaption(it)
	s.sounds.forget(it.ID)
	s.discard(it)
	s.send(realtime.ItemDeleted{ItemID: ev.ItemID})
}
