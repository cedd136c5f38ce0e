//go:build e2e

package e2e

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// agents is the browser bundle of @openai/agents-realtime, as make e2e
// fetches it.
const agents = "../.cache/e2e/node_modules/@openai/agents-realtime/dist/bundle"

// stranger is a page of somebody else that talks with hark by that package, as
// its documentation says.
const stranger = `<!doctype html><title>A page of somebody else</title><link rel="icon" href="data:,">
<script type="module">
import { OpenAIRealtimeWebRTC, RealtimeAgent, RealtimeSession } from './openai-realtime-agents.mjs';
const agent = new RealtimeAgent({ name: 'hark', instructions: 'You are a helpful voice assistant.' });
const transport = new OpenAIRealtimeWebRTC({ baseUrl: new URLSearchParams(location.search).get('hark') + 'v1/realtime/calls', useInsecureApiKey: true });
const session = new RealtimeSession(agent, { transport });
session.on('error', (error) => console.error('session', JSON.stringify(error)));
session.on('history_updated', (history) => (window.answer = history.find((item) => item.role === 'assistant' && item.status === 'completed')?.content[0].transcript));
const began = performance.now();
await session.connect({ apiKey: 'ek_local' });
window.connected = Math.round(performance.now() - began);
</script>`

func TestOpenAIsOwnClientHoldsATurnOverWebRTC(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("/", http.FileServer(http.Dir(agents)))
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(stranger))
	})
	page := httptest.NewServer(mux)
	defer page.Close()
	s := serve(t)
	c := samples(t)["question-0"]
	p := open(t, page.URL+"/?hark="+s.Address, Options{Sound: said(t, time.Second, c)})
	check(t, p.Wait("window.connected", soon))
	check(t, p.Wait("window.answer", patience))
	answer, err := p.Eval("window.answer")
	check(t, err)
	connected, err := p.Eval("window.connected")
	check(t, err)
	t.Logf("connected after %s ms: %q", connected, answer)
	if answer != c.Answer {
		t.Errorf("answer = %q, want %q", answer, c.Answer)
	}
}
