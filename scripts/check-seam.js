// Fails when the built engine lacks a call that the package's JavaScript makes (pkg-template/engine.d.ts lists them).

import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const [types, built] = process.argv.slice(2);
const text = readFileSync(types, 'utf8');
const functions = [...text.matchAll(/^export function (\w+)\(/gm)].map(match => match[1]);
const methods = [...text.slice(text.indexOf('export class Engine')).matchAll(/^ {2}(\w+)\(/gm)].map(match => match[1]);

const engine = await import(pathToFileURL(built));
const missing = [
  ...functions.filter(name => typeof engine[name] !== 'function'),
  ...methods.filter(name => typeof engine.Engine?.prototype[name] !== 'function').map(name => `Engine.${name}`),
];
if (missing.length > 0) {
  console.error(`The engine lacks what the package calls: ${missing.join(', ')}`);
  process.exit(1);
}
