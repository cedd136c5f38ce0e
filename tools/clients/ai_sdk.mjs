// The AI SDK with @ai-sdk/openai-compatible: node ai_sdk.mjs http://127.0.0.1:8080/v1
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText, jsonSchema, streamText, tool } from 'ai';
import * as s from './scenario.mjs';

const hark = createOpenAICompatible({ name: 'hark', baseURL: s.base, apiKey: 'sk-local' })('gemma-4');

const messages = [{ role: 'user', content: s.text }];
const first = await generateText({ model: hark, system: s.instructions, messages, temperature: 0 });
s.expect('text', first.text, s.saturday);

messages.push({ role: 'assistant', content: first.text }, { role: 'user', content: s.followUp });
let streamed = '';
for await (const piece of streamText({ model: hark, system: s.instructions, messages, temperature: 0 }).textStream) streamed += piece;
s.expect('second turn, streamed', streamed, s.sunday);

const picture = await generateText({
  model: hark,
  temperature: 0,
  messages: [{ role: 'user', content: [{ type: 'image', image: s.picture }, { type: 'text', text: s.look }] }],
});
s.expect('picture', picture.text, s.seen);

const { toolCalls } = await generateText({
  model: hark,
  system: s.instructions,
  prompt: 'Please switch on the light in the kitchen.',
  tools: { [s.tool.name]: tool({ description: s.tool.description, inputSchema: jsonSchema(s.tool.parameters) }) },
  toolChoice: { type: 'tool', toolName: s.tool.name },
});
s.expectCall('forced call', toolCalls[0].toolName, toolCalls[0].input);

const stop = new AbortController();
let before = '';
try {
  for await (const piece of streamText({ model: hark, system: s.instructions, messages, abortSignal: stop.signal }).textStream) {
    before += piece;
    stop.abort();
  }
} catch {}
s.expect('after an interruption', (await generateText({ model: hark, system: s.instructions, messages, temperature: 0 })).text, s.sunday);
s.done();
