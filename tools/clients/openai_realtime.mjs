// openai for JavaScript over /v1/realtime: node openai_realtime.mjs https://127.0.0.1:8443/v1
// It speaks wss: only, so the server needs TLS and NODE_EXTRA_CA_CERTS its certificate.
import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import * as s from './scenario.mjs';

const client = new OpenAI({ baseURL: s.base, apiKey: 'sk-local' });
const rt = new OpenAIRealtimeWS({ model: 'gpt-realtime' }, client);
const events = s.queue();
rt.on('event', (e) => events.put(e));
rt.on('error', (e) => s.fail('no error', e));

const send = (e) => rt.send(e);
const say = (...content) => send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } });
const words = (r) => r.output.at(-1).content[0].transcript ?? r.output.at(-1).content[0].text;
const until = (type) => events.until((e) => e.type === type);

async function answer(response = {}) {
  send({ type: 'response.create', response });
  return (await until('response.done')).response;
}

await until('session.created');
send({ type: 'session.update', session: { type: 'realtime', instructions: s.instructions } });
await until('session.updated');

say({ type: 'input_text', text: s.text });
s.expect('text', words(await answer()), s.saturday);
say({ type: 'input_text', text: s.followUp });
s.expect('second turn', words(await answer()), s.sunday);

for (const piece of s.pieces(s.speech())) send({ type: 'input_audio_buffer.append', audio: piece.toString('base64') });
await until('input_audio_buffer.committed');
s.expect('spoken', words((await until('response.done')).response), s.waitingRoom);

say({ type: 'input_image', image_url: s.picture }, { type: 'input_text', text: s.look });
s.expect('picture', words(await answer()), s.seen);

const call = (await answer({ tools: [s.tool], tool_choice: { type: 'function', name: s.tool.name } })).output[0];
s.expectCall('forced call', call.name, call.arguments);
send({ type: 'conversation.item.create', item: { type: 'function_call_output', call_id: call.call_id, output: '{"ok":true}' } });
await answer();

// Speech while an answer is played: what was not heard is cut off.
say({ type: 'input_text', text: s.text });
const played = (await answer()).output[0];
for (const piece of s.pieces(s.speech())) send({ type: 'input_audio_buffer.append', audio: piece.toString('base64') });
await until('input_audio_buffer.speech_started');
send({ type: 'conversation.item.truncate', item_id: played.id, content_index: 0, audio_end_ms: 500 });
await until('conversation.item.truncated');
s.expect('after the interruption', words((await until('response.done')).response), []);
rt.close();
s.done();
