package session

import "testing"

// fails has the tower fail at the next clips or pictures.
func (p *player) fails(times int) {
	p.fake.mu.Lock()
	defer p.fake.mu.Unlock()
	p.fake.spoil = times
}

// TestAPictureThatIsLostIsLeftOut: the client is told once, the question beside
// it is answered, and nothing more is heard of it.
func TestAPictureThatIsLostIsLeftOut(t *testing.T) {
	hold(t, func(*player, *Options) {}, func(p *player) {
		p.fails(1)
		p.lines(`< session.created
			> {"type":"conversation.item.create","item":{"id":"look","type":"message","role":"user","content":[{"type":"input_image","image_url":"PNG"}]}}
			< conversation.item.added
			< conversation.item.done
			> {"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"And you?"}]}}
			< conversation.item.added
			< conversation.item.done
			$ 10ms "fine"
			> {"type":"response.create"}
			< response.created
			< error {"error":{"type":"server_error","code":"server_error","message":"the server failed to hear or see item look; the model goes on without it, send it again if it matters"}}`)
		p.until("response.done")
		p.lines(`? <user And you? user> <assistant
			> {"type":"response.create"}
			< response.created
			< response.output_item.added`)
		p.until("response.done")
		p.lines(`? <user And you? user> <assistant fine assistant> <assistant
			< nothing`)
	})
}

// TestSpeechThatIsLostFailsItsAnswerAlone: nothing is left to answer, so the
// response fails. The next one does not.
func TestSpeechThatIsLostFailsItsAnswerAlone(t *testing.T) {
	hold(t, sixteen, func(p *player) {
		p.fails(1)
		p.lines("< session.created\n" + manual + `
			~ speech 1.28s
			> {"type":"input_audio_buffer.commit"}
			< input_audio_buffer.committed
			< conversation.item.added
			< conversation.item.done
			> {"type":"response.create"}
			< response.created
			< error {"error":{"code":"server_error"}}
			< response.done {"response":{"status":"failed"}}
			> {"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"Hello?"}]}}
			< conversation.item.added
			< conversation.item.done
			$ 10ms "fine"
			> {"type":"response.create"}
			< response.created
			< response.output_item.added`)
		p.until("response.done")
		p.lines(`? <user Hello? user> <assistant
			< nothing`)
	})
}

// TestInputThatIsLostIsLeftOut: the items of a response with an input of its own
// are freed by it alone.
func TestInputThatIsLostIsLeftOut(t *testing.T) {
	hold(t, func(*player, *Options) {}, func(p *player) {
		p.fails(2)
		p.lines(`< session.created
			$ 10ms "fine"
			> {"type":"response.create","response":{"conversation":"none","input":[{"type":"message","role":"user","content":[{"type":"input_image","image_url":"PNG"}]},{"type":"message","role":"user","content":[{"type":"input_image","image_url":"PNG"}]},{"type":"message","role":"user","content":[{"type":"input_text","text":"So?"}]}]}}
			< response.created
			< error {"error":{"code":"server_error"}}
			< error {"error":{"code":"server_error"}}`)
		p.until("response.done")
		p.lines(`? <user So? user> <assistant
			< nothing`)
	})
}
