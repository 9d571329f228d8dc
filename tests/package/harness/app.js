// An app in a folder of its own, with the package installed as npm delivers it.

import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { folder } from '../../harness/process.js';

export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

export class App {
  /** @param {string} path */
  constructor(path) {
    this.path = path;
  }

  /**
   * @param {import('node:test').TestContext} t
   * @param {Record<string, string>} files by path
   */
  static async create(t, files = {}) {
    const app = new App(await folder(t, 'app'));
    app.write({ 'package.json': '{"name":"app","private":true,"type":"module"}', ...files });
    app.run('npm', ['install', process.env.HOLM_TARBALL, '--offline', '--loglevel=error', '--no-audit', '--no-fund']);
    return app;
  }

  /** Where the package lies in it. */
  get installed() {
    return this.file('node_modules/holm');
  }

  /** @param {string} name */
  file(name) {
    return join(this.path, name);
  }

  /** @param {Record<string, string>} files by path */
  write(files) {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(this.file(name)), { recursive: true });
      writeFileSync(this.file(name), text);
    }
  }

  /** What a program writes; its failure carries both streams. */
  run(command, args) {
    try {
      return execFileSync(command, args, { cwd: this.path, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    } catch (error) {
      throw new Error(`${command} ${args.join(' ')}\n${error.stdout}${error.stderr}`, { cause: error });
    }
  }

  /** A program among the tools of the workspace. */
  runTool(name, args) {
    return this.run(join(ROOT, 'node_modules/.bin', name), args);
  }
}

/** A page that loads one script. */
export function html(script) {
  return `<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>An app</title>\n<link rel="icon" href="data:,">\n<div id="root"></div>\n<script type="module" src="${script}"></script>\n`;
}
