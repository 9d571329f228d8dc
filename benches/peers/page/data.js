// The same records for every engine, and the right answers by brute force.

const WORDS = ('island ferry water tide rope deck engine window letter garden bread lamp market paper train river stone summer winter morning '
  + 'evening ticket bridge valley forest meadow harvest kitchen table chair basket button needle thread copper silver marble timber').split(' ');
const RARE = ['lantern', 'compass', 'anchor', 'beacon', 'mooring']; // each in one record of a hundred: what the text scan looks for
const TAGS = 20;
const PROJECTS = 100;
const RECORD_BYTES = 300;
const FIRST_TIME = 1_700_000_000_000;
const STEP = 7_919; // with PRIME: times that differ, in no order
const PRIME = 1_000_003;

/**
 * @typedef {object} Task
 * @property {string} id a random uuid
 * @property {string} title
 * @property {boolean} done half of them
 * @property {string} projectId one of 100
 * @property {number} updatedAt
 * @property {string} notes
 * @property {string[]} tags three
 */

/** Numbers that look random and are the same every time (mulberry32). */
export function randomNumbers(seed) {
  let state = seed;
  return below => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor(((t ^ (t >>> 14)) >>> 0) / 4_294_967_296 * below);
  };
}

/** The first `count` records, 300 bytes of JSON each. */
export function records(count) {
  const random = randomNumbers(1);
  return Array.from({ length: count }, (_, index) => record(random, index));
}

/** The projects and rare words to ask for. */
export const projectOf = n => `project-${String(n % PROJECTS).padStart(3, '0')}`;
export const rareWord = n => RARE[n % RARE.length];

/** What the database must hold, kept beside it. */
export class Truth {
  constructor(records) {
    this.byId = new Map(records.map(record => [record.id, record]));
    this.ids = [...this.byId.keys()];
    this.newestTime = FIRST_TIME + PRIME * 1_000;
  }

  /** A time after every other. */
  later() {
    return ++this.newestTime;
  }

  patch(id, fields) {
    this.byId.set(id, { ...this.byId.get(id), ...fields });
  }

  get all() {
    return [...this.byId.values()];
  }

  newest(limit) {
    return this.all.filter(({ done }) => !done).sort((a, b) => b.updatedAt - a.updatedAt).slice(0, limit);
  }

  inProject(projectId) {
    return this.all.filter(record => record.projectId === projectId && !record.done);
  }

  withWord(word) {
    return this.all.filter(({ notes }) => notes.includes(word));
  }

  countOpen() {
    return this.all.reduce((count, { done }) => count + (done ? 0 : 1), 0);
  }
}

function record(random, index) {
  const words = count => Array.from({ length: count }, () => WORDS[random(WORDS.length)]).join(' ');
  const task = {
    id: uuid(random), title: words(4), done: random(2) === 1, projectId: projectOf(random(PROJECTS)), updatedAt: FIRST_TIME + (index * STEP) % PRIME * 1_000,
    notes: RARE.filter(() => random(100) === 0).join(' '), tags: threeTags(random),
  };
  const room = RECORD_BYTES - JSON.stringify(task).length;
  task.notes += ` ${words(20)}`.slice(0, room);
  return task;
}

function uuid(random) {
  const hex = Array.from({ length: 32 }, () => random(16).toString(16)).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `a${hex.slice(17, 20)}`, hex.slice(20)].join('-');
}

function threeTags(random) {
  const first = random(TAGS);
  return [0, 7, 13].map(step => `tag-${(first + step) % TAGS}`);
}
