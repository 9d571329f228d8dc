// Serves a folder, except where a test answers in its place.

import { createServer } from 'node:http';
import { cpSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';

import { App, html } from './app.js';

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' };

/**
 * @typedef {{ status?: number, headers?: Record<string, string>, body?: string | Buffer } | 'break' | undefined} Answer
 */

export class Site {
  #server;
  /** Answers in place of a file; undefined leaves it to the folder. @type {(path: string, file: () => Promise<Buffer>) => Answer | Promise<Answer>} */
  instead = () => undefined;

  /**
   * @param {import('node:test').TestContext} t
   * @param {string} folder
   */
  static async start(t, folder) {
    const site = new Site();
    site.#server = createServer((request, response) => site.#answer(folder, request, response));
    await new Promise(resolve => { site.#server.listen(0, '127.0.0.1', resolve); });
    t.after(() => { site.#server.closeAllConnections(); site.#server.close(); });
    return site;
  }

  /**
   * A page with one script, and the package as npm delivers it beside it in `/holm`.
   * @param {import('node:test').TestContext} t
   * @param {string} script
   */
  static async withPackage(t, script) {
    const app = await App.create(t, { 'site/index.html': html('/main.js'), 'site/main.js': script });
    cpSync(app.installed, app.file('site/holm'), { recursive: true });
    return Site.start(t, app.file('site'));
  }

  get url() {
    return `http://127.0.0.1:${this.#server.address().port}`;
  }

  async #answer(folder, request, response) {
    const { pathname } = new URL(request.url, this.url);
    const name = pathname === '/' ? '/index.html' : pathname;
    const file = () => readFile(join(folder, name));
    const answer = await this.instead(name, file);
    if (answer === 'break') return void request.socket.destroy();
    const type = TYPES[extname(name)] ?? 'application/octet-stream';
    try {
      const { status = 200, headers = {}, body = await file() } = answer ?? {};
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store', ...headers }).end(body);
    } catch {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('Nothing is here.');
    }
  }
}
