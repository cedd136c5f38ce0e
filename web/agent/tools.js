// What the model may call: functions of the host page, or events that it
// answers. The results of all calls of an answer go to the model together, once
// that answer has ended, and the model goes on.

export class Tools {
  #agent;
  #ask; // (call) => a promise of the result, or undefined: what nobody registered
  #known = new Map(); // name → {declaration, run}
  #calls = 0; // that have not returned
  #told = false; // results were sent, and the model has not gone on yet
  #active = false; // an answer is in progress
  #line = 0; // number of the connection's conversation, so that late results are dropped

  constructor(agent, ask) {
    this.#agent = agent;
    this.#ask = ask;
    agent.listen('event', (event) => this.#receive(event));
    agent.listen('clear', () => this.#forget());
    agent.listen('link', ({ state }) => state !== 'ready' && this.#forget());
  }

  // declarations are what the session is told.
  get declarations() {
    return [...this.#known.values()].map(({ declaration }) => declaration);
  }

  // entries are what add was called with.
  get entries() {
    return [...this.#known.values()].map(({ declaration, run }) => [declaration, run]);
  }

  // add declares a function; run may be missing: then it is asked for.
  add({ name, description = '', parameters = { type: 'object', properties: {} } }, run) {
    this.#known.set(name, { declaration: { type: 'function', name, description, parameters }, run });
  }

  remove(name) {
    this.#known.delete(name);
  }

  #forget() {
    this.#line++;
    this.#calls = 0;
    this.#told = this.#active = false;
  }

  #receive({ type, item, error }) {
    if (type === 'response.created') this.#active = true;
    if (type === 'error' && error?.code === 'conversation_already_has_active_response') this.#active = this.#told = true;
    if (type === 'response.output_item.done' && item.type === 'function_call' && item.status === 'completed') this.#call(item);
    if (type !== 'response.done') return;
    this.#active = false;
    this.#goOn();
  }

  async #call({ name, call_id: id, arguments: text }) {
    const line = this.#line;
    this.#calls++;
    let output;
    try {
      const call = { id, name, arguments: text ? JSON.parse(text) : {} };
      const run = this.#known.get(name)?.run;
      const result = run ? run(call.arguments, call) : this.#ask(call);
      if (result === undefined && !run) throw new Error(`nobody answers ${name}`);
      output = await result;
      if (typeof output !== 'string') output = JSON.stringify(output ?? { ok: true });
    } catch (error) {
      output = JSON.stringify({ error: error.message });
    }
    if (line !== this.#line) return;
    this.#agent.send('conversation.item.create', { item: { type: 'function_call_output', call_id: id, output } });
    this.#calls--;
    this.#told = true;
    this.#goOn();
  }

  #goOn() {
    if (!this.#told || this.#calls || this.#active) return;
    this.#told = false;
    this.#active = true;
    this.#agent.send('response.create');
  }
}
