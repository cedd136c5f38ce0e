package session

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"hark/audio/pcm"
	"hark/session/realtime"
)

// retrieve asks for an item and returns the sound of its first part.
func (p *player) retrieve(item string) []byte {
	p.t.Helper()
	p.send(`{"type":"conversation.item.retrieve","item_id":"` + item + `"}`)
	for _, ev := range p.drain() {
		var e struct {
			Type string
			Item struct {
				Content []struct {
					Audio      string
					Transcript *string
				}
			}
		}
		if json.Unmarshal([]byte(ev), &e) != nil || e.Type != "conversation.item.retrieved" {
			continue
		}
		if len(ev) > MaxEventBytes {
			p.t.Errorf("an event of %d bytes", len(ev))
		}
		data, err := base64.StdEncoding.DecodeString(e.Item.Content[0].Audio)
		if err != nil {
			p.t.Error(err)
		}
		return data
	}
	p.t.Error("the item is not shown")
	return nil
}

func TestRetrievedItemsHaveTheirSound(t *testing.T) {
	hold(t, nil, func(p *player) {
		p.lines(`< session.created
			~ speech 1.28s
			~ silence 1s`)
		spoken := p.expandIDs(p.drain(), "input_audio_buffer.committed")
		// The padding is all zeros and what the model heard ends 224 ms behind.
		if n, want := len(p.retrieve(spoken)), 48*(1280+224); n < want-48*64 || n > want+48*64 {
			t.Errorf("%d bytes of sound, want about %d", n, want)
		}
		p.lines(`> {"type":"session.update","session":{"audio":{"input":{"format":{"type":"audio/pcmu"}}}}}
			< session.updated`)
		if n, want := len(p.retrieve(spoken)), 8*(1280+224); n < want-8*64 || n > want+8*64 {
			t.Errorf("%d bytes of mu-law, want about %d", n, want)
		}
		data := pcm.Append(nil, pcm.MuLaw, make([]float32, 4000))
		p.send(`{"type":"conversation.item.create","item":{"id":"sent","type":"message","role":"user","content":[{"type":"input_audio","audio":"` +
			base64.StdEncoding.EncodeToString(data) + `"}]}}`)
		if got := p.retrieve("sent"); !bytes.Equal(got, data) {
			t.Errorf("%d bytes came back of %d", len(got), len(data))
		}
		p.send(`{"type":"conversation.item.delete","item_id":"sent"}`)
		p.send(`{"type":"conversation.item.create","item":{"id":"sent","type":"message","role":"user","content":[{"type":"input_audio","transcript":"x"}]}}`)
		if got := p.retrieve("sent"); len(got) != 0 {
			t.Error("the sound of a deleted item is still there")
		}
	})
}

func TestLongSoundIsLeftOut(t *testing.T) {
	hold(t, nil, func(p *player) {
		p.lines(`< session.created
			~~ speech 20s
			~~ silence 1s`)
		if got := p.retrieve(p.expandIDs(p.drain(), "input_audio_buffer.committed")); len(got) != 0 {
			t.Errorf("%d bytes of sound", len(got))
		}
	})
}

func TestSoundsAreBounded(t *testing.T) {
	var s sounds
	format := realtime.Format{Codec: realtime.CodecPCM, Rate: 24000}
	for i := range 100 {
		for range 10 {
			s.add(fmt.Sprint(i), 0, format, make([]byte, 48000))
		}
		total := 0
		for _, k := range s.kept {
			total += len(k.data)
		}
		if total != s.bytes || total > maxSounds || s.get(fmt.Sprint(i), 0) == nil {
			t.Fatalf("%d bytes are kept, counted %d", total, s.bytes)
		}
	}
	s.truncate("99", 100*time.Millisecond)
	if n := len(s.get("99", 0).data); n != 4800 {
		t.Errorf("%d bytes of 100 ms", n)
	}
	for range 200 {
		s.add("long", 0, format, make([]byte, 48000))
	}
	if k := s.get("long", 0); k == nil || len(k.data) != 0 {
		t.Error("too long a sound is kept")
	}
	for _, k := range append([]*keptSound(nil), s.kept...) {
		s.forget(k.item)
	}
	if s.bytes != 0 || len(s.kept) != 0 {
		t.Errorf("%d bytes after all was forgotten", s.bytes)
	}
}
