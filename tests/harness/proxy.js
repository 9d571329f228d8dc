// A proxy between browser and server that does to an exchange whatever a test says. Its address stays the same while servers come and go.

import { createServer, request as httpRequest } from 'node:http';
import { buffer } from 'node:stream/consumers';

/**
 * What happens to one exchange:
 *   'pass'         it goes through
 *   'drop-answer'  the server handles it, the browser never hears
 *   'break'        the connection is closed at once
 *   'hang'         nothing comes, ever
 *   { status, headers, body }  somebody else answers
 * @typedef {'pass' | 'drop-answer' | 'break' | 'hang' | { status: number, headers?: Record<string, string>, body?: string }} Fate
 */

export class Proxy {
  #server;
  #port = 0;
  #sockets = new Set();
  #target;
  /** Decides the fate of each exchange. @type {(exchange: { method: string, path: string, body: Buffer, count: number }) => Fate | Promise<Fate>} */
  fate = () => 'pass';
  /** Hears what a page tells the test with a request to /told, which is answered when this ends. @type {(what: string) => unknown} */
  told = () => {};
  /** Every request to /sync, in order. */
  seen = [];

  /**
   * @param {import('node:test').TestContext} t
   * @param {import('./server.js').Server} target
   */
  static async start(t, target) {
    const proxy = new Proxy(target);
    await proxy.up();
    t.after(() => proxy.down());
    return proxy;
  }

  constructor(target) {
    this.#target = target;
  }

  get url() {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Takes connections, always on the same port. */
  async up() {
    this.#server = createServer((request, response) => this.#exchange(request, response).catch(() => request.socket.destroy()));
    this.#server.on('connection', socket => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    await new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#port = this.#server.address().port;
  }

  /** The network is gone: nobody listens, and open connections break. */
  async down() {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise(resolve => this.#server.close(resolve));
  }

  async #exchange(request, response) {
    const body = await buffer(request);
    if (request.url.startsWith('/told/')) {
      await this.told(request.url.slice('/told/'.length));
      return void response.writeHead(204).end();
    }
    const exchange = { method: request.method, path: request.url, body, count: this.seen.length + 1 };
    if (request.url.startsWith('/sync')) this.seen.push({ ...exchange, at: Date.now() });
    const fate = request.url.startsWith('/sync') ? await this.fate(exchange) : 'pass';
    if (fate === 'hang') return;
    if (fate === 'break') return void request.socket.destroy();
    if (typeof fate === 'object') {
      response.writeHead(fate.status, fate.headers ?? {});
      return void response.end(fate.body ?? '');
    }
    await this.#forward(request, response, body, fate === 'drop-answer');
  }

  async #forward(request, response, body, dropped) {
    const answer = await new Promise((resolve, reject) => {
      const target = { host: '127.0.0.1', port: this.#target.port, path: request.url, method: request.method, headers: { ...request.headers, host: new URL(this.url).host }, agent: false };
      const forwarded = httpRequest(target, resolve);
      forwarded.once('error', reject);
      response.once('close', () => { if (!response.writableFinished) forwarded.destroy(); });
      forwarded.end(body);
    });
    if (dropped) {
      await buffer(answer); // the server has finished: its transaction is committed
      request.socket.destroy();
      return;
    }
    response.writeHead(answer.statusCode, answer.headers);
    answer.on('error', () => request.socket.destroy());
    answer.pipe(response);
  }
}

/** Whether an exchange is a push. */
export function isPush({ path }) {
  return path.startsWith('/sync/push');
}
