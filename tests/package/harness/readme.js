// The snippets of the package's README.

import { readFileSync } from 'node:fs';

const text = readFileSync(new URL('../../../pkg-template/README.md', import.meta.url), 'utf8');

/** Each fenced block: the words after its fence, and what it holds. @type {{ info: string, code: string }[]} */
export const snippets = [...text.matchAll(/^```(\S.*)\n([^]*?)^```$/gm)].map(([, info, code]) => ({ info, code }));

/** The snippets of one kind, together. */
export function snippet(info) {
  return snippets.filter(block => block.info === info).map(block => block.code).join('\n');
}

/** How many lines somebody types for them. */
export function typed(...blocks) {
  return blocks.flatMap(({ code }) => code.split('\n')).filter(line => line.trim() !== '').length;
}
