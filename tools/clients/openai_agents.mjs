// @openai/agents-realtime over a WebSocket: node openai_agents.mjs http://127.0.0.1:8080/v1
import { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession, tool } from '@openai/agents-realtime';
import { z } from 'zod';
import * as s from './scenario.mjs';

async function open(agent, config = {}) {
  const session = new RealtimeSession(agent, { transport: new OpenAIRealtimeWebSocket({ url: s.websocket }), model: 'gemma-4', config });
  const events = s.queue();
  session.transport.on('*', (e) => events.put(e));
  session.on('error', (e) => s.fail('no error', e));
  await session.connect({ apiKey: 'sk-local' });
  return { session, events };
}

const words = (r) => r.output.at(-1).content[0].transcript ?? r.output.at(-1).content[0].text;
const agent = new RealtimeAgent({ name: 'Desk', instructions: s.instructions });
const { session, events } = await open(agent);
const answer = async () => words((await events.until((e) => e.type === 'response.done')).response);

session.sendMessage(s.text);
s.expect('text', await answer(), s.saturday);
session.sendMessage(s.followUp);
s.expect('second turn', await answer(), s.sunday);

const speak = () => {
  for (const piece of s.pieces(s.speech())) session.sendAudio(piece.buffer.slice(piece.byteOffset, piece.byteOffset + piece.length));
};
speak();
s.expect('spoken', await answer(), s.waitingRoom);

session.addImage(s.picture, { triggerResponse: false });
session.sendMessage(s.look);
s.expect('picture', await answer(), s.seen);

let interrupted = false;
session.on('audio_interrupted', () => (interrupted = true));
session.sendMessage(s.text);
await answer();
speak();
await events.until((e) => e.type === 'conversation.item.truncated');
s.expect('after the interruption', await answer(), []);
s.check('interrupted', interrupted);
session.close();

const called = s.queue();
const light = tool({
  name: s.tool.name,
  description: s.tool.description,
  parameters: z.object({ room: z.enum(['hall', 'kitchen']), on: z.boolean() }),
  execute: async (args) => {
    called.put(args);
    return 'done';
  },
});
const second = await open(new RealtimeAgent({ name: 'Desk', instructions: s.instructions, tools: [light] }), { toolChoice: 'required' });
second.session.sendMessage('Please switch on the light in the kitchen.');
s.expectCall('forced call', s.tool.name, await called.until(() => true));
s.done();
