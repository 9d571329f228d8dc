// The real server, its database in a folder that outlives it.

import { Process, folder } from './process.js';

export class Server {
  #data;
  #env;
  #process;
  port = 0;

  /** @param {import('node:test').TestContext} t */
  static async start(t, env = {}) {
    const server = new Server(await folder(t, 'server'), env);
    await server.start();
    t.after(() => server.kill());
    return server;
  }

  constructor(data, env) {
    this.#data = data;
    this.#env = env;
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  get running() {
    return this.#process !== undefined;
  }

  async start() {
    this.#process = new Process(process.env.HOLM_SERVER, [], {
      HOLM_PORT: '0', HOLM_DATA: `${this.#data}/holm.sqlite`, HOLM_WWW: process.env.HOLM_WWW, HOLM_DEBUG: '1', ...this.#env,
    });
    const [, port] = await this.#process.line(/listening on http:\/\/127\.0\.0\.1:(\d+)/);
    this.port = Number(port);
  }

  /** kill -9 */
  async kill() {
    const ending = this.#process;
    this.#process = undefined;
    await ending?.kill();
  }

  async stop() {
    const ending = this.#process;
    this.#process = undefined;
    return ending?.stop();
  }

  /** What the server holds: { rows, receipts, effects }. */
  async held() {
    const response = await fetch(`${this.url}/sync/receipts`);
    if (!response.ok) throw new Error(`The server's debug page answers ${response.status}`);
    return response.json();
  }
}
