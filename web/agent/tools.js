// What the model may call: functions of the host page, or events that it
// answers.

export class Tools {
  #agent;
  #ask; // (call) => a promise of the result, or undefined: what nobody registered
  #known = new Map(); // name → {declaration, run}

  constructor(agent, ask) {
    this.#agent = agent;
    this.#ask = ask;
    agent.listen('call', (call) => this.#call(call));
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

  async #call({ name, id, arguments: text }) {
    let output;
    try {
      const call = { id, name, arguments: text ? JSON.parse(text) : {} };
      const run = this.#known.get(name)?.run;
      const result = run ? run(call.arguments, call) : this.#ask(call);
      if (result === undefined && !run) throw new Error(`nobody answers ${name}`);
      output = await result;
      if (typeof output !== 'string') output = JSON.stringify(output ?? { ok: true }) ?? String(output);
    } catch (error) {
      output = JSON.stringify({ error: error?.message ?? String(error) });
    }
    this.#agent.reply(id, output);
  }
}
