// As `gzip -9` packs it, by which all sizes are told: the zlib within Node is another, and packs an engine half a percent worse.

import { execFileSync, spawn } from 'node:child_process';

/** @param {Uint8Array} bytes */
export function gzip(bytes) {
  return execFileSync('gzip', ['-9', '-n', '-c'], { input: bytes, maxBuffer: 1 << 27 });
}

/**
 * How long that is.
 * @param {Uint8Array} bytes
 * @returns {Promise<number>}
 */
export function gzipSize(bytes) {
  return new Promise((resolve, reject) => {
    const tool = spawn('gzip', ['-9', '-n', '-c'], { stdio: ['pipe', 'pipe', 'inherit'] });
    let size = 0;
    tool.stdout.on('data', ({ length }) => { size += length; });
    tool.on('error', reject);
    tool.on('close', code => (code === 0 ? resolve(size) : reject(new Error(`gzip ended with ${code}.`))));
    tool.stdin.end(bytes);
  });
}
