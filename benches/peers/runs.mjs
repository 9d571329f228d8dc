// What has been measured, kept as soon as it is, so that a run that was ended goes on where it was.

import { readFile, rename, writeFile } from 'node:fs/promises';

export class Runs {
  #file;
  #entries;

  /** @param {string} file */
  static async open(file) {
    const runs = new Runs();
    runs.#file = file;
    runs.#entries = JSON.parse(await readFile(file, 'utf8').catch(() => '[]'));
    return runs;
  }

  /** Forgets what was measured of an engine in another version, or all of it. */
  keepOnly(engine, version) {
    this.#entries = this.#entries.filter(entry => entry.engine !== engine || entry.version === version);
  }

  has(round, engine, size, workload) {
    return this.#entries.some(entry => entry.round === round && entry.engine === engine && entry.size === size && entry.workload === workload);
  }

  async add(entry) {
    this.#entries.push(entry);
    await writeFile(`${this.#file}.new`, JSON.stringify(this.#entries, null, 1));
    await rename(`${this.#file}.new`, this.#file);
  }

  /** Every figure of an engine by its name, like `bulk.savedMs@10000`, with the values of all rounds. */
  figuresOf(engine) {
    const figures = {};
    for (const { size, workload, figures: measured } of this.#entries.filter(entry => entry.engine === engine)) {
      for (const [name, value] of Object.entries(measured)) (figures[`${workload}.${name}@${size}`] ??= []).push(value);
    }
    return figures;
  }
}
