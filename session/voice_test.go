package session

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hark/audio/pcm"
	"hark/media"
	"hark/media/mediatest"
	"hark/session/realtime"
)

func aloud(p *player, o *Options) { o.Speaker = &fakeSpeaker{} }

// collect reads events to the next of a type, and returns them with the sound
// and the words in them.
func (p *player) collect(kind string) (types []string, sound []byte, words string) {
	p.t.Helper()
	for {
		select {
		case data, ok := <-p.events:
			if !ok {
				p.t.Errorf("%s: the server closed, want %s", p.where, kind)
				return types, sound, words
			}
			var ev struct {
				Type, Delta string
			}
			if err := json.Unmarshal(data, &ev); err != nil {
				p.t.Fatal(err)
			}
			if len(data) > MaxEventBytes {
				p.t.Errorf("%s has %d bytes", ev.Type, len(data))
			}
			types = append(types, ev.Type)
			switch ev.Type {
			case "response.output_audio.delta":
				part, err := base64.StdEncoding.DecodeString(ev.Delta)
				if err != nil {
					p.t.Fatal(err)
				}
				sound = append(sound, part...)
			case "response.output_audio_transcript.delta":
				words += ev.Delta
			}
			if ev.Type == kind {
				return types, sound, words
			}
		case <-time.After(time.Hour):
			p.t.Fatalf("%s: no %s comes", p.where, kind)
		}
	}
}

func TestBargeInStopsTheVoice(t *testing.T) {
	speaker := &fakeSpeaker{}
	hold(t, func(_ *player, o *Options) { o.Speaker = speaker }, func(p *player) {
		p.lines(`< session.created
			$ 10ms 200ms "One" " two" " three." " Four" " five." " Six" " seven." " Eight"
			> {"type":"response.create"}`)
		_, before, words := p.collect("response.output_audio.delta")
		p.lines(`@ 300ms
			~ speech 100ms`) // two frames of it begin a turn
		begin := time.Now()
		types, more, said := p.collect("response.done")
		i := 0
		for types[i] != "input_audio_buffer.speech_started" {
			i++
		}
		if stray := strings.Join(types[i+1:], " "); strings.Contains(stray, ".delta") {
			t.Errorf("after speech_started come %s", stray)
		}
		if late := time.Since(begin); late > 0 {
			t.Errorf("the answer goes on for %v", late)
		}
		synctest.Wait()
		if n := speaker.busy.Load(); n != 0 {
			t.Errorf("%d pieces are still being said", n)
		}
		words += said
		if len(before)+len(more) != (len("One two three."))*fakeLetter*2 || words != "One two three. " {
			t.Errorf("%d bytes of sound with %q", len(before)+len(more), words)
		}
		p.lines(`~ silence 1s`)
		p.collect("response.done")
		synctest.Wait()
		// Of 1.4 s that were sent, the 364 ms that can have been heard end
		// behind the word "One".
		if got := p.fake.prompts[len(p.fake.prompts)-1]; !strings.HasPrefix(got, "<assistant One assistant> <user [sound") {
			t.Errorf("prompt %q", got)
		}
	})
}

func TestCancelKeepsWhatWasSent(t *testing.T) {
	hold(t, aloud, func(p *player) {
		p.lines(`< session.created
			$ 10ms 10ms "One" " two." " Three" " four" " five" " six" " seven"
			$ "ok"
			> {"type":"response.create"}`)
		p.collect("response.output_audio.delta")
		p.lines(`@ 1ms
			> {"type":"response.cancel"}`)
		types, _, _ := p.collect("response.done")
		want := "response.output_audio.done response.output_audio_transcript.done response.content_part.done conversation.item.done response.output_item.done response.done"
		if got := strings.Join(types, " "); !strings.HasSuffix(got, want) {
			t.Errorf("events %s", got)
		}
		p.lines(`> {"type":"response.create"}`)
		p.collect("response.done")
		if got := p.fake.prompts[1]; got != "<assistant One  two. assistant> <assistant" {
			t.Errorf("prompt %q", got)
		}
	})
}

func TestSoundIsNotSentFarAhead(t *testing.T) {
	hold(t, aloud, func(p *player) {
		long := strings.Repeat("a", 99) + "."
		p.lines(`< session.created
			$ 1ms 1ms "` + long + `" " ` + long + `" " ` + long + `" " ` + long + `"
			> {"type":"response.create"}`)
		begin := time.Now()
		var sound int
		for sound < 40*fakeRate*2 {
			_, part, _ := p.collect("response.output_audio.delta")
			sound += len(part)
			sent := time.Duration(sound/2) * time.Second / fakeRate
			if ahead := sent - time.Since(begin); ahead > soundAhead {
				t.Fatalf("%v of sound came after %v", sent, time.Since(begin))
			}
		}
		p.collect("response.done")
		if took := time.Since(begin).Round(time.Second); took != 40*time.Second-soundAhead {
			t.Errorf("40 s of sound took %v", took)
		}
	})
}

func TestSoundHasTheFormatThatWasAskedFor(t *testing.T) {
	for format, want := range map[string]struct {
		kind pcm.Format
		rate int
	}{
		`{"type":"audio/pcm","rate":24000}`: {pcm.PCM16, 24000},
		`{"type":"audio/pcm","rate":16000}`: {pcm.PCM16, 16000},
		`{"type":"audio/pcmu"}`:             {pcm.MuLaw, 8000},
		`{"type":"audio/pcma"}`:             {pcm.ALaw, 8000},
	} {
		hold(t, aloud, func(p *player) {
			p.where = format
			p.lines(`< session.created
				$ "One two. Three."
				> {"type":"response.create","response":{"audio":{"output":{"format":` + format + `}}}}`)
			_, sound, words := p.collect("response.done")
			d, err := pcm.NewDecoder(want.kind)
			if err != nil {
				t.Fatal(err)
			}
			samples := d.Push(sound)
			if n := len("One two.Three.") * want.rate / 10; len(samples) != n || words != "One two. Three." {
				t.Errorf("%s: %d samples, want %d; words %q", format, len(samples), n, words)
			}
			if x := samples[len(samples)/2]; x < 0.24 || x > 0.26 {
				t.Errorf("%s: sample %v, want 0.25", format, x)
			}
		})
	}
}

func TestVoiceThatFailsLeavesTheWords(t *testing.T) {
	hold(t, aloud, func(p *player) {
		p.lines(`< session.created
			$ "One." " FAIL this." " Two." "` + "\\n```\\nx := 1\\n```\\n" + `"
			> {"type":"response.create"}`)
		types, sound, words := p.collect("response.done")
		if want := "One. FAIL this. Two.\n```\nx := 1\n```\n"; words != want || len(sound) != 4*fakeLetter*2 {
			t.Errorf("words %q, want %q; %d bytes of sound", words, want, len(sound))
		}
		if got := strings.Join(types, " "); strings.Contains(got, "error") {
			t.Errorf("events %s", got)
		}
	})
}

func TestOutOfBandAnswersAreSaidBeside(t *testing.T) {
	hold(t, aloud, func(p *player) {
		p.lines(`< session.created
			$ 10ms 500ms "One" " two." " Three"
			$ 10ms 10ms "Beside."
			> {"type":"response.create"}
			> {"type":"response.create","response":{"conversation":"none","input":[],"metadata":{"topic":"x"}}}`)
		types, _, words := p.collect("response.done")
		if words != "Beside." || strings.Count(strings.Join(types, " "), "conversation.item.added") != 1 {
			t.Errorf("first come %q, %s", words, types)
		}
		if _, _, words := p.collect("response.done"); words != "One two. Three" {
			t.Errorf("then comes %q", words)
		}
	})
}

// An answer that the client truncates before it has been said to its end.
func TestTruncateWhileItIsSaid(t *testing.T) {
	hold(t, aloud, func(p *player) {
		p.lines(`< session.created
			$ 10ms 300ms "One" " two." " Three" " four."
			$ "ok"
			> {"type":"response.create"}
			< response.created
			< response.output_item.added {"item":{"id":"$a"}}`)
		p.collect("response.output_audio.delta")
		p.lines(`@ 1ms
			> {"type":"conversation.item.truncate","item_id":"$a","content_index":0,"audio_end_ms":350}`)
		p.collect("conversation.item.truncated")
		p.collect("response.done")
		p.lines(`> {"type":"response.create"}`)
		p.collect("response.done")
		if got := p.fake.prompts[1]; got != "<assistant One assistant> <assistant" {
			t.Errorf("prompt %q", got)
		}
	})
}

func TestTimingsAreObserved(t *testing.T) {
	var seen []Timings
	var asked int
	setUp := func(_ *player, o *Options) {
		o.Speaker = &fakeSpeaker{slow: 40 * time.Millisecond}
		o.Observe = func(t Timings) { seen = append(seen, t) }
		o.RateLimits = func() []realtime.RateLimit {
			asked++
			return []realtime.RateLimit{{Name: "tokens", Limit: 10, Remaining: 10 - asked}}
		}
	}
	hold(t, setUp, func(p *player) {
		p.lines(`< session.created
			$ 100ms 50ms "One." " Two." " Three."
			~ speech 500ms`)
		p.line("~ silence 2s")
		p.collect("rate_limits.updated")
		p.lines(`$ 100ms 50ms "a" "b" "c"
			> {"type":"response.create","response":{"output_modalities":["text"]}}`)
		p.collect("rate_limits.updated")
	})
	if len(seen) != 2 || asked != 2 {
		t.Fatalf("observed %d responses, %d limits", len(seen), asked)
	}
	spoken, written := seen[0], seen[1]
	// The answer to speech began before the turn had ended.
	if !spoken.AfterSpeech || spoken.Output != realtime.ModalityAudio || spoken.Tokens != 4 || spoken.FirstToken <= 0 || spoken.FirstAudio < spoken.FirstToken {
		t.Errorf("spoken: %+v", spoken)
	}
	if written.AfterSpeech || written.FirstToken != 100*time.Millisecond || written.FirstAudio != 0 || written.Total != 250*time.Millisecond ||
		written.Tokens != 4 || written.Rate != 20 || written.Status != realtime.Completed {
		t.Errorf("written: %+v", written)
	}
}

func TestClientThatVanishesStopsTheVoice(t *testing.T) {
	speaker := &fakeSpeaker{slow: time.Hour}
	hold(t, func(_ *player, o *Options) { o.Speaker = speaker }, func(p *player) {
		p.lines(`< session.created
			$ 10ms 10ms "One." " Two."
			> {"type":"response.create"}`)
		p.collect("response.content_part.added")
		time.Sleep(time.Second)
		p.broken = true
		p.client.Vanish()
		synctest.Wait()
		if n := speaker.busy.Load(); n != 0 {
			t.Errorf("%d pieces are still being said", n)
		}
	})
}

// track is a connection that plays, as fast as the clock goes.
type track struct {
	media.Conn
	until time.Time
	heard time.Duration
}

func (c *track) Play(a media.Audio) error {
	if now := time.Now(); c.until.Before(now) {
		c.until = now
	}
	length := time.Duration(len(a.Samples)) * time.Second / time.Duration(a.Rate)
	c.until, c.heard = c.until.Add(length), c.heard+length
	return nil
}

func (c *track) Queued() time.Duration { return max(time.Until(c.until), 0) }

func (c *track) Clear() time.Duration {
	left := c.Queued()
	c.until, c.heard = time.Now(), c.heard-left
	return left
}

// onTrack is hold with a connection that plays.
func onTrack(t *testing.T, body func(*player, *track)) {
	synctest.Test(t, func(t *testing.T) {
		p := &player{t: t, fake: newFake(), names: map[string]string{}, rate: 24000, events: make(chan []byte, 10000)}
		conn, client := mediatest.Pipe()
		p.client = client
		tr := &track{Conn: conn}
		done := make(chan error, 1)
		go func() {
			defer close(p.events)
			for {
				ev, err := client.Recv()
				if err != nil {
					return
				}
				p.events <- ev
			}
		}()
		go func() {
			done <- Run(t.Context(), tr, Options{Engine: p.fake, Speaker: &fakeSpeaker{}, NewDetector: func() Detector { return &loudness{} }})
		}()
		body(p, tr)
		client.Close()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
		for ev := range p.events {
			t.Errorf("not expected: %s", ev)
		}
		if left := p.fake.left(); left != 0 {
			t.Errorf("%d clips and sequences were not closed", left)
		}
	})
}

func TestTrackPlaysTheVoice(t *testing.T) {
	onTrack(t, func(p *player, tr *track) {
		p.lines(`< session.created
			$ 10ms 10ms "One" " two."
			> {"type":"response.create"}
			< response.created {"response":{"id":"$r"}}
			< response.output_item.added
			< conversation.item.added
			< response.content_part.added
			< output_audio_buffer.started {"response_id":"$r"}
			< response.output_audio_transcript.delta {"delta":"One "}
			< response.output_audio_transcript.delta {"delta":"two."}
			< response.output_audio.done
			< response.output_audio_transcript.done
			< response.content_part.done
			< conversation.item.done
			< response.output_item.done
			< response.done`)
		begin := time.Now()
		p.line(`< output_audio_buffer.stopped {"response_id":"$r"}`)
		if played := time.Since(begin); played < 750*time.Millisecond || played > 800*time.Millisecond || tr.heard != 800*time.Millisecond {
			t.Errorf("stopped after %v, %v were heard", played, tr.heard)
		}
	})
}

func TestTrackIsSilencedAndTheAnswerCutToWhatWasPlayed(t *testing.T) {
	for name, stop := range map[string]string{
		"speech":  `~ speech 100ms`,
		"request": `> {"type":"output_audio_buffer.clear"}`,
	} {
		onTrack(t, func(p *player, tr *track) {
			p.where = name
			p.lines(`< session.created
				$ 10ms 10ms "One" " two" " three" " four."
				$ "ok"
				> {"type":"response.create"}
				< response.created {"response":{"id":"$r"}}
				< response.output_item.added {"item":{"id":"$a"}}`)
			p.collect("response.done")
			p.lines(`@ 750ms
				` + stop)
			p.collect("output_audio_buffer.cleared")
			p.line(`< conversation.item.truncated {"item_id":"$a","content_index":0}`)
			if tr.Queued() != 0 {
				t.Errorf("%s: %v are still to be played", name, tr.Queued())
			}
			if name == "speech" {
				p.line(`~ silence 1s`)
			} else {
				p.line(`> {"type":"response.create","response":{"output_modalities":["text"]}}`)
			}
			p.collect("response.done")
			if got := p.fake.prompts[1]; !strings.HasPrefix(got, "<assistant One  two assistant>") {
				t.Errorf("%s: prompt %q", name, got)
			}
			p.lines(`@ 10s`)
			for len(p.events) > 0 {
				<-p.events
			}
		})
	}
}

func TestClearOfATrackStopsTheAnswer(t *testing.T) {
	onTrack(t, func(p *player, tr *track) {
		p.lines(`< session.created
			$ 10ms 1s "One" " two." " Three" " four."
			> {"type":"response.create"}`)
		p.collect("response.output_audio_transcript.delta")
		p.lines(`> {"type":"output_audio_buffer.clear"}`)
		types, _, _ := p.collect("conversation.item.truncated")
		if got := strings.Join(types, " "); !strings.Contains(got, "response.done") || !strings.Contains(got, "output_audio_buffer.cleared") {
			t.Errorf("events %s", got)
		}
		if tr.Queued() != 0 {
			t.Errorf("%v are still to be played", tr.Queued())
		}
	})
}

// Whatever the model writes, however the voice lags: what the client gets is
// what the model wrote, in order, and the record is the same.
func TestWordsAndRecordAreTheModelsOwn(t *testing.T) {
	for i := range 20 {
		speaker := &fakeSpeaker{slow: time.Duration(i*i) * time.Millisecond}
		hold(t, func(_ *player, o *Options) { o.Speaker = speaker }, func(p *player) {
			var pieces []string
			want := ""
			for j := range 3 + i {
				piece := fmt.Sprintf(" w%d", j)
				if j%(2+i%4) == 1 {
					piece += "."
				}
				pieces = append(pieces, fmt.Sprintf("%q", piece))
				want += piece
			}
			p.lines(`< session.created
				$ 10ms ` + fmt.Sprint(1+i%3*40) + `ms ` + strings.Join(pieces, " ") + `
				$ "ok"
				> {"type":"response.create"}`)
			_, _, words := p.collect("response.done")
			if words != want {
				t.Errorf("%d: words %q, want %q", i, words, want)
			}
			p.lines(`> {"type":"response.create","response":{"output_modalities":["text"]}}`)
			p.collect("response.done")
			record := strings.Join(strings.Fields(p.fake.prompts[1]), "")
			if record != "<assistant"+strings.ReplaceAll(want, " ", "")+"assistant><assistant" {
				t.Errorf("%d: record %q", i, record)
			}
		})
	}
}
