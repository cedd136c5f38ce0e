package session

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hark/engine"
	"hark/session/conversation"
	"hark/session/realtime"
)

// scribe makes the engine answer questions for words with words of its own.
func scribe(p *player, words ...string) {
	p.fake.answerTo = func(prompt string) answer {
		if strings.HasPrefix(prompt, "<user Transcribe the following") {
			return answer{first: 50 * time.Millisecond, pause: 10 * time.Millisecond, pieces: words}
		}
		return answer{first: 10 * time.Millisecond, pieces: []string{"ok"}}
	}
}

// captions returns what the client was told of the words of users.
func captions(events []string) (told []string) {
	for _, ev := range events {
		var e struct {
			Type, Delta, Transcript string
			Usage                   struct {
				Type    string
				Seconds float64
			}
			Error struct{ Code string }
		}
		if json.Unmarshal([]byte(ev), &e) != nil || !strings.Contains(e.Type, "transcription") {
			continue
		}
		switch kind := e.Type[strings.LastIndex(e.Type, ".")+1:]; kind {
		case "delta":
			told = append(told, "+"+e.Delta)
		case "completed":
			told = append(told, fmt.Sprintf("%s (%s %v)", e.Transcript, e.Usage.Type, e.Usage.Seconds))
		default:
			told = append(told, kind+" "+e.Error.Code)
		}
	}
	return told
}

const wanted = `> {"type":"session.update","session":{"audio":{"input":{"transcription":{"model":"whisper-1","language":"de","prompt":"Zoo"}}}}}`

func TestWordsOfTheUserAreWrittenDown(t *testing.T) {
	hold(t, nil, func(p *player) {
		scribe(p, " What", " is", " this", "? ")
		p.lines("< session.created\n" + wanted + `
			~ silence 1s
			~ speech 1.28s
			~ silence 3s`)
		events := p.drain()
		want := []string{"+What", "+ is", "+ this", "+? ", "What is this? (duration 1.836)"}
		if got := captions(events); !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
		kinds := kinds(events)
		first, delta := slices.Index(kinds, "response.output_text.delta"), slices.Index(kinds, "conversation.item.input_audio_transcription.delta")
		if first < 0 || delta < first {
			t.Errorf("the words come before the answer: %v", kinds)
		}
		i := slices.IndexFunc(p.fake.asked(), func(s string) bool { return strings.HasPrefix(s, "<user Transcribe") })
		if got := p.fake.asked()[i]; !strings.Contains(got, `the language "de"`) || !strings.HasSuffix(got, "about this: Zoo [sound 45] user> <assistant") {
			t.Errorf("prompt %q", got)
		}
		item := p.expandIDs(events, "input_audio_buffer.committed")
		p.send(`{"type":"conversation.item.retrieve","item_id":"` + item + `"}`)
		p.line(`< conversation.item.retrieved {"item":{"content":[{"type":"input_audio","transcript":"What is this?"}]}}`)
	})
}

// expandIDs returns the item id of the first event of a type.
func (p *player) expandIDs(events []string, kind string) string {
	for _, ev := range events {
		var e struct {
			Type string
			Item string `json:"item_id"`
		}
		if json.Unmarshal([]byte(ev), &e) == nil && e.Type == kind {
			return e.Item
		}
	}
	p.t.Errorf("no %s in %v", kind, kinds(events))
	return ""
}

func TestWordsWaitForTheFirstTokenOfTheAnswer(t *testing.T) {
	hold(t, nil, func(p *player) {
		scribe(p, "words")
		p.fake.answers = []answer{{first: 5 * time.Second, pieces: []string{"slow"}}}
		p.lines("< session.created\n" + wanted + `
			~ speech 1s
			~ silence 4s`)
		if got := captions(p.drain()); len(got) != 0 || len(p.fake.asked()) != 1 {
			t.Errorf("%q was told and %q asked before the answer began", got, p.fake.asked())
		}
		time.Sleep(3 * time.Second)
		if got := captions(p.drain()); len(got) != 2 {
			t.Errorf("%q was told after the answer", got)
		}
	})
}

func TestWordsOfLongSpeechAreThoseOfItsClips(t *testing.T) {
	hold(t, func(p *player, _ *Options) { p.fake.info.ClipSamples = 16000 }, func(p *player) {
		scribe(p, " one", " two\n")
		p.lines("< session.created\n" + wanted + `
			~ speech 1.6s
			~ silence 3s`)
		want := []string{"+one", "+ two\n", "+ one", "+ two\n", "one two\n one two (duration 1.824)"}
		if got := captions(p.drain()); !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
	})
}

func TestWordsOfDeletedItemsAreNotTold(t *testing.T) {
	hold(t, nil, func(p *player) {
		scribe(p, "one", "two", "three", "four", "five", "six")
		p.lines("< session.created\n" + wanted + `
			> {"type":"session.update","session":{"audio":{"input":{"turn_detection":null}}}}`)
		var items []string
		for range 3 {
			p.lines("~ speech 1s\n> {\"type\":\"input_audio_buffer.commit\"}")
			items = append(items, p.expandIDs(p.drain(), "input_audio_buffer.committed"))
		}
		p.line("~ speech 60ms") // the first is being written down
		p.send(`{"type":"conversation.item.delete","item_id":"` + items[0] + `"}`)
		p.send(`{"type":"conversation.item.delete","item_id":"` + items[1] + `"}`)
		time.Sleep(time.Second)
		if got := captions(p.drain()); !slices.Equal(got[len(got)-1:], []string{"onetwothreefourfivesix (duration 1)"}) {
			t.Errorf("told %q", got)
		}
		for _, id := range items[:2] {
			p.send(`{"type":"conversation.item.retrieve","item_id":"` + id + `"}`)
			p.line(`< error {"error":{"code":"item_retrieve_invalid_item_id"}}`)
		}
	})
}

func TestWordsThatCannotBeHad(t *testing.T) {
	hold(t, nil, func(p *player) {
		p.lines("< session.created\n" + wanted + `
			> {"type":"session.update","session":{"audio":{"input":{"turn_detection":null}}}}
			$ 10ms "half" !
			~ speech 1s
			> {"type":"input_audio_buffer.commit"}
			@ 1s`)
		if got, want := captions(p.drain()), []string{"+half", "failed server_error"}; !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
		p.lines(`$ 1h "never"`)
		for range maxCaptions + 1 {
			p.lines("~~ speech 300ms\n> {\"type\":\"input_audio_buffer.commit\"}")
		}
		if got := captions(p.drain()); !slices.Equal(got, []string{"failed server_overloaded"}) {
			t.Errorf("told %q", got)
		}
	})
}

func TestSilenceHasNoWords(t *testing.T) {
	hold(t, nil, func(p *player) {
		scribe(p, "Book.")
		p.lines("< session.created\n" + wanted + `
			> {"type":"session.update","session":{"audio":{"input":{"turn_detection":null}}}}
			~ silence 1s
			> {"type":"input_audio_buffer.commit"}
			@ 1s`)
		if got := captions(p.drain()); !slices.Equal(got, []string{" (duration 0.997)"}) {
			t.Errorf("told %q, want no words", got)
		}
	})
}

func TestTranscriptionSessionAnswersNothing(t *testing.T) {
	for name, setUp := range map[string]func(*player, *Options){
		"by option": func(_ *player, o *Options) { o.Transcribe = true },
		"by update": nil,
	} {
		hold(t, setUp, func(p *player) {
			scribe(p, "some", " words")
			if setUp == nil {
				p.lines(`< session.created {"session":{"type":"realtime"}}
					> {"type":"session.update","session":{"type":"transcription"}}
					< session.updated {"session":{"type":"transcription","audio":{"input":{"transcription":null}}}}`)
			} else {
				p.line(`< session.created {"session":{"type":"transcription","object":"realtime.transcription_session"}}`)
			}
			p.lines(`> {"type":"response.create","event_id":"r"}
				< error {"error":{"code":"invalid_event","event_id":"r"}}
				~ speech 1s
				< input_audio_buffer.speech_started
				~ silence 1s
				< input_audio_buffer.speech_stopped
				< input_audio_buffer.committed {"item_id":"$a"}
				< conversation.item.added
				< conversation.item.done
				< conversation.item.input_audio_transcription.delta {"item_id":"$a","content_index":0,"delta":"some"}
				< conversation.item.input_audio_transcription.delta {"item_id":"$a","delta":" words"}
				< conversation.item.input_audio_transcription.completed {"item_id":"$a","transcript":"some words"}
				~ speech 1s
				< input_audio_buffer.speech_started
				~ silence 1s`)
			p.until("conversation.item.input_audio_transcription.completed")
			for _, set := range p.fake.read() {
				if !strings.HasPrefix(set, "<user Transcribe") || strings.Count(set, "[sound") != 1 {
					t.Errorf("%s: the model reads %q", name, set)
				}
			}
			if n := len(p.fake.read()); n != 4 || !strings.HasSuffix(p.fake.read()[2], "…]") {
				t.Errorf("%s: the model reads %q, want each utterance while it is spoken and then", name, p.fake.read())
			}
			if got := p.fake.left(); got > 1 {
				t.Errorf("%s: %d clips and sequences are kept", name, got)
			}
		})
	}
}

func TestTranscriptionSessionHasNoEnd(t *testing.T) {
	s := &session{}
	s.config.Type = realtime.TranscriptionSession
	for i := range MaxItems + 10 {
		s.makeRoom()
		if s.items.Len() >= MaxItems {
			t.Fatalf("no room for utterance %d", i)
		}
		s.items.Add(&conversation.Item{Item: realtime.Item{ID: fmt.Sprint(i)}})
	}
	if s.items.Get("0") != nil || s.items.Get("10") == nil || len(s.trash) != 10 {
		t.Errorf("%d items, %d of them to be freed", s.items.Len(), len(s.trash))
	}
}

func TestWordsAreBatchWork(t *testing.T) {
	hold(t, nil, func(p *player) {
		p.fake.answerTo = func(string) answer { return answer{first: time.Second, pieces: []string{"x"}} }
		p.lines("< session.created\n" + wanted + `
			> {"type":"session.update","session":{"audio":{"input":{"turn_detection":null}}}}
			~ speech 1s
			> {"type":"input_audio_buffer.commit"}`)
		synctest.Wait()
		p.fake.mu.Lock()
		class := p.fake.opened[len(p.fake.opened)-1].class.Load()
		p.fake.mu.Unlock()
		if engine.Class(class) != engine.Batch {
			t.Errorf("class %d, want Batch", class)
		}
		time.Sleep(2 * time.Second)
		p.drain()
	})
}
