package session

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestFramesThatCannotBeTaken(t *testing.T) {
	hold(t, func(p *player, _ *Options) { p.fake.info.Sees = false }, func(p *player) {
		p.lines(`< session.created
			> {"type":"input_image_buffer.append","image":"AAAA","event_id":"f"}
			< error {"error":{"code":"unsupported_modality","event_id":"f"}}
			> {"type":"input_image_buffer.append","image":"AAAA","event_id":"f"}`)
		p.send(`{"type":"input_image_buffer.append","event_id":"g","image":"` + base64.StdEncoding.EncodeToString(make([]byte, maxFrame+1)) + `"}`)
		p.line(`< error {"error":{"code":"string_above_max_length","param":"image","event_id":"g"}}`)
	})
}

// A camera that never rests, in a talk of many turns: the model sees one
// picture at a time, and frames cost nothing while nobody speaks.
func TestFramesDoNotPileUp(t *testing.T) {
	hold(t, nil, func(p *player) {
		p.line(`< session.created`)
		frame := p.expand(`{"type":"input_image_buffer.append","image":"PNG","detail":"low"}`)
		for turn := range 10 {
			for range 20 {
				p.send(frame)
				time.Sleep(50 * time.Millisecond)
			}
			for range 4 {
				p.line("~ speech 400ms")
				p.send(frame)
			}
			p.line("~ silence 1s")
			p.drain()
			last := p.fake.asked()[len(p.fake.asked())-1]
			if n := strings.Count(last, "[picture"); n != 1 || strings.Count(last, "[sound") != turn+1 {
				t.Errorf("turn %d: %d pictures in %q", turn, n, last)
			}
			if left := p.fake.left(); left > int64(2*(turn+1)+4) {
				t.Errorf("turn %d: %d clips, pictures and sequences are open", turn, left)
			}
		}
		slid := slices.ContainsFunc(p.fake.read(), func(s string) bool { return strings.HasPrefix(s, "slide: ") })
		if !slid {
			t.Error("what follows a picture that is taken out is read again")
		}
		sets := fmt.Sprint(len(p.fake.read()))
		for range 100 {
			p.send(frame)
		}
		p.drain()
		if got := fmt.Sprint(len(p.fake.read())); got != sets {
			t.Errorf("frames that nobody asks about were read: %s prompts instead of %s", got, sets)
		}
	})
}

// Some clients send a camera as messages.
func TestPicturesInARowAreThinnedOut(t *testing.T) {
	hold(t, nil, func(p *player) {
		p.line(`< session.created`)
		for range 30 {
			p.line(`> {"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_image","image_url":"PNG","detail":"low"}]}}`)
			p.drain()
		}
		p.lines(`> {"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"this?"}]}}
			> {"type":"response.create"}`)
		p.drain()
		p.line("? <user" + strings.Repeat(" [picture 70]", mostPictures) + " this? user> <assistant")
		if left := p.fake.left(); left > mostPictures+2 {
			t.Errorf("%d pictures and sequences are open", left)
		}
	})
}
