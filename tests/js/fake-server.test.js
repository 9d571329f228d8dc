// The test kit's server against docs/protocol.md: its goldens, its tables, its rules. Against the real server it runs in tests/package/testing.test.js.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { FakeServer } from '../../pkg-template/testing.js';
import { decide } from '../../pkg-template/testing/merge.js';
import { readPull, readPush } from '../../pkg-template/testing/messages.js';
import { Refusal } from '../../pkg-template/testing/refusal.js';
import { merged } from '../../pkg-template/testing/ways.js';

const PAGE = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8');
const SENT = '019a2b3c4d5e-0000-c_a';

/** The golden messages of one type. */
const goldens = type => [...PAGE.matchAll(/<!-- golden: (\w+) -->\n```json\n([^]*?)\n```/g)].filter(([, name]) => name === type).map(([, , text]) => JSON.parse(text));

/** The cells of the table whose header starts so. */
function table(header) {
  const lines = PAGE.slice(PAGE.indexOf(header)).split('\n').slice(2);
  return lines.slice(0, lines.findIndex(line => !line.startsWith('|'))).map(line => line.slice(1, -1).split(' | ').map(cell => cell.trim()));
}

/** The paths of all fields of a message, what belongs to the app left out. */
function fields(message, path = '') {
  if (Array.isArray(message)) return message.flatMap(each => fields(each, path));
  if (typeof message !== 'object' || message === null) return [];
  return Object.entries(message).flatMap(([name, value]) => [`${path}.${name}`, ...(['data', 'stamps', 'ways', 'args'].includes(name) ? [] : fields(value, `${path}.${name}`))]);
}

function start(t, options) {
  const server = new FakeServer(options);
  t.after(server.install());
  return server;
}

async function send(server, kind, body, headers = {}) {
  const response = await fetch(`${server.url}/${kind}`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) });
  return { status: response.status, body: await response.json() };
}

const put = (seq, id = 'a', more = {}) => ({ seq, mid: `m${seq}`, kind: 'put', collection: 'tasks', id, data: { title: `t${seq}` }, ...more });
const push = (server, mutations, more = {}) => send(server, 'push', { v: 1, client: 'c_a', schema: 1, seen: 0, sent: SENT, mutations, ...more });
const pull = (server, more = {}) => send(server, 'pull', { v: 1, client: 'c_a', schema: 1, seen: 0, limit: 100, scopes: [{ name: 'tasks', checkpoint: null }], ...more });
const told = ({ status, body }) => (status === 200 ? body.results.map(({ status: each, code }) => code ?? each) : [status, body.error]);

test('the goldens are understood, and answers have no field that the goldens lack', async t => {
  for (const golden of goldens('PushRequest')) assert.equal(readPush(golden).mutations.length, golden.mutations.length);
  for (const golden of goldens('PullRequest')) assert.equal(readPull(golden).scopes.length, golden.scopes.length);
  const server = start(t, { conflict: { tasks: 'manual' }, limits: { mutations: 10 } });
  server.retry(({ id }) => (id === 'late' ? 30 : undefined));
  const [golden] = goldens('PushRequest');
  const answers = { PushResponse: [], PullResponse: [], ErrorResponse: [] };
  answers.ErrorResponse.push((await push(server, golden.mutations)).body, (await push(server, Array.from({ length: 11 }, (_, at) => put(at + 1, `${at}`)))).body);
  const mutations = golden.mutations.map((mutation, at) => ({ ...mutation, seq: at + 1 }));
  server.put('tasks', { id: mutations[1].id, title: 'Buy bread' });
  const first = await push(server, mutations);
  assert.deepEqual(told(first), ['ok', 'conflict', 'conflict', 'tx-aborted', 'server-rejected', 'undeliverable']);
  server.delete('tasks', mutations[1].id);
  answers.PushResponse.push(first.body, (await push(server, [put(7, 'late'), put(8, 'b')])).body);
  answers.PullResponse.push((await pull(server)).body, (await pull(server, { scopes: [{ name: 'tasks', checkpoint: 'x' }], limit: 1 })).body);
  for (const [type, found] of Object.entries(answers)) {
    const types = type === 'ErrorResponse' ? [type] : ['PushResponse', 'PullResponse']; // which have results of one type
    const known = new Set(fields(types.map(goldens)).flatMap(field => [field, field.replace(/stamps$/, 'stamp')]));
    for (const field of new Set(fields(found))) assert(known.has(field), `${type}${field}`);
  }
});

test('the table of conflicts', () => {
  let cells = 0;
  for (const [kind, rows, bases, ...decisions] of table('| kind | row | `base` |')) {
    for (const row of rows.split(', ')) {
      const standing = row === 'absent' ? undefined : { rev: 'now', deleted: row === 'deleted' };
      for (const base of bases.replace('any', 'none, same, other').replace('given', 'other').split(', ')) {
        const rev = { none: undefined, same: 'now', other: 'before' }[base];
        for (const [at, policy] of ['merge', 'last-write', 'manual'].entries()) {
          assert.equal(decide(policy, kind.replaceAll('`', ''), rev, standing), decisions[at], [policy, kind, row, base].join());
          cells++;
        }
      }
    }
  }
  assert(cells > 60, `${cells}`);
});

test('a scope with arguments: who comes, who goes, who may not see it', async t => {
  const server = start(t, { scopes: { project: { tasks: 'project', notes: 'of' } } });
  const scopes = checkpoint => ({ scopes: [{ name: 'project', args: { id: 'p1' }, checkpoint }] });
  const seen = ({ changes }) => changes.map(({ id, deleted, gone }) => `${deleted ? '-' : gone ? '~' : ''}${id}`);
  for (const [id, project] of [['a', 'p1'], ['b', 'p2'], ['c', ['p2', 'p1']]]) server.put('tasks', { id, project });
  server.put('notes', { id: 'n', of: 'p1' });
  const [first] = (await pull(server, scopes(null))).body.scopes;
  assert.deepEqual([first.key, first.total, seen(first)], ['project:{"id":"p1"}', 3, ['a', 'c', 'n']]);
  server.patch('tasks', 'a', { project: 'p2' });
  server.delete('tasks', 'c');
  const [then] = (await pull(server, scopes(first.checkpoint))).body.scopes;
  assert.deepEqual([seen(then), then.changes[0].data], [['~a', '-c'], undefined]);
  server.forbid('project', 'p1');
  const [hidden] = (await pull(server, scopes(then.checkpoint))).body.scopes;
  assert.deepEqual(hidden, { key: first.key, checkpoint: '', more: false, reset: true, forbidden: true, changes: [] });
  server.allow('project', 'p1');
  assert.deepEqual(seen((await pull(server, scopes(null))).body.scopes[0]), ['n']);
  assert.throws(() => server.forbid('elsewhere', 'x'), /no scope elsewhere/);
  assert.throws(() => new FakeServer({ scopes: { project: 'tasks' } }), /scopes is like/);
});

test('counters, sets and texts merge as crates/protocol merges them', () => {
  const rows = JSON.parse(readFileSync(new URL('../../crates/protocol/tests/ways.json', import.meta.url), 'utf8'));
  for (const [way, before, mine, theirs, wanted] of rows) {
    assert.deepEqual(merged({ way, before }, mine, theirs) ?? null, wanted, JSON.stringify([way, before, mine, theirs]));
  }
  assert(rows.length > 20);
  const text = from => Array.from({ length: 3_000 }, (_, at) => String.fromCodePoint(from + at)).join('');
  assert.equal(merged({ way: 'text', before: text(0x4e00) }, text(0x7000), `${text(0x4e00)}!`), `${text(0x7000)}!`);
});

test('what several clients count, put in and type is all there, once', async t => {
  const server = start(t);
  server.put('tasks', { id: 'a', votes: 3, tags: ['x'], body: 'milk' });
  const edit = (data, more) => put(1, 'a', {
    kind: 'patch', data, ways: { votes: { way: 'counter', before: 3 }, tags: { way: 'set', before: ['x'] }, body: { way: 'text', before: 'milk' } }, ...more,
  });
  for (const client of ['c_a', 'c_a', 'c_b']) await push(server, [edit({ votes: 4, tags: ['x', 'y'], body: 'oat milk' }, { mid: 'mine' })], { client });
  await push(server, [edit({ votes: 5, tags: [], body: 'milk today' }, { mid: 'theirs' })], { client: 'c_c' });
  assert.deepEqual(server.rows('tasks'), [{ id: 'a', votes: 6, tags: ['y'], body: 'oat milk today' }]);
  assert.deepEqual(told(await push(server, [put(2, 'a', { ways: { votes: 'counter' } })])), [400, 'invalid-request']);
});

test('the table of refusals', () => {
  const checked = table('| HTTP | `error` |').flatMap(([http, codes]) => {
    const [code, ...others] = codes.replaceAll('`', '').split(', ');
    if (others.length || http === '415') return [];
    assert.equal(new Refusal(code, '').status, Number(http), code);
    return [code];
  });
  assert(checked.length >= 11, checked.join());
});

test('exactly once', async t => {
  const server = start(t);
  assert.deepEqual(told(await push(server, [put(2)])), [409, 'gap']);
  const [first, again] = [await push(server, [put(1), put(2, 'b')]), await push(server, [put(1), put(2, 'b'), put(3, 'c')])];
  assert.deepEqual(again.body.results.slice(0, 2), first.body.results);
  assert.equal(again.body.acked, 3);
  assert.deepEqual(server.effects.map(({ mid }) => mid), ['m1', 'm2', 'm3']);
  assert.deepEqual(told(await push(server, [put(3, 'c', { mid: 'other' })])), [409, 'seq-reused']);
  assert.deepEqual(told(await push(server, [put(3, 'c', { data: {} })])), [409, 'seq-reused']);
  assert.deepEqual(told(await push(server, [put(4, 'd', { mid: 'm1' })])), [409, 'seq-reused']);
  assert.deepEqual(told(await push(server, [put(1, 'a', { mid: 'm1' })], { client: 'c_b' })), ['ok'], 'the same mutation of another client id');
  for (const [unanswered, error] of [[['m1', 'm2', 'm3', 'm4']], [['other'], 'seq-reused'], [['m2', 'm1'], 'seq-reused'], [[1], 'invalid-request']]) {
    assert.equal((await pull(server, { unanswered })).body.error, error, `a pull with ${unanswered}`);
  }
  assert.deepEqual(told(await push(server, [put(4, 'd')], { seen: 3 })), ['ok']);
  assert.deepEqual(told(await push(server, [put(3, 'c')])), [409, 'seq-reused']);
  assert.equal(server.effects.length, 4);
  assert.deepEqual(server.rows('tasks').map(({ id }) => id), ['a', 'b', 'c', 'd']);
});

test('a skip takes its mutation along, unless that was applied', async t => {
  const server = start(t);
  const skip = (seq, mid) => ({ seq, mid, kind: 'skip' });
  await push(server, [put(1)]);
  assert.deepEqual(told(await push(server, [skip(1, 'm1'), skip(2, 'm2')])), ['ok', 'undeliverable']);
  assert.deepEqual(told(await push(server, [put(1, 'b', { mid: 'm2' })], { client: 'c_b' })), ['undeliverable']);
  assert.deepEqual(server.rows('tasks').map(({ id }) => id), ['a']);
});

test('a transaction has its effect whole or not at all', async t => {
  const server = start(t);
  const member = (seq, id, more) => put(seq, id, { tx: 't', n: 2, ...more });
  assert.deepEqual(told(await push(server, [member(1, 'a')])), [400, 'tx-incomplete']);
  server.reject(({ id }) => id === 'bad' && 'no');
  const stop = server.retry(({ id }) => (id === 'late' ? 9 : undefined));
  assert.deepEqual(told(await push(server, [member(1, 'a'), member(2, 'bad')])), ['tx-aborted', 'validation']);
  assert.deepEqual(told(await push(server, [member(3, 'a'), member(4, 'late')])), ['retry', 'retry']);
  assert.deepEqual([server.rows('tasks'), server.effects], [[], []]);
  stop();
  assert.deepEqual(told(await push(server, [member(5, 'a'), member(6, 'late')])), ['ok', 'ok']);
});

test('a function reads and writes once, whole or not at all', async t => {
  const functions = {
    move({ args, read, write, all, delete: remove }) {
      const [from = { id: 'from', amount: 10 }, to = { id: 'to', amount: 0 }] = [read('tasks', 'from'), read('tasks', 'to')];
      write('tasks', { ...to, amount: to.amount + args.amount });
      if (args.amount > from.amount) return { code: 'forbidden', message: 'not enough' };
      if (args.at) return args.at.getTime();
      write('tasks', { ...from, amount: from.amount - args.amount });
      if (args.purge) for (const { id } of all('tasks')) remove('tasks', id);
      return args.amount === 0 ? 'nothing to move' : undefined;
    },
    broken: ({ write }) => write('tasks', { title: 'without an id' }),
    rename: ({ read, write }) => write('tasks', { ...read('tasks', 'a'), title: 'by the function' }),
  };
  const server = start(t, { functions });
  const call = (seq, args, more = {}) => ({ seq, mid: `m${seq}`, kind: 'call', name: 'move', args, ...more });
  const amounts = () => server.rows('tasks').map(({ amount }) => amount);
  for (let times = 0; times < 2; times++) assert.deepEqual(told(await push(server, [call(1, { amount: 4 })])), ['ok']);
  assert.deepEqual(told(await push(server, [call(1, { amount: 4 })], { client: 'c_b' })), ['ok'], 'the same call of another client id');
  assert.deepEqual(told(await push(server, [call(1, { amount: 5 })], { client: 'c_c' })), [409, 'seq-reused'], 'the arguments are content');
  assert.deepEqual([amounts(), server.effects.length, server.effects[0].name, server.effects[0].args], [[6, 4], 1, 'move', { amount: 4 }]);
  const last = server.requests.length;
  assert.deepEqual(told(await push(server, [call(2, { amount: 99 }), call(3, { amount: 1, at: { $holm: ['date', 9] } }), call(4, { amount: 0 })])), ['forbidden', 'retry', 'validation']);
  assert.equal(server.requests[last].answer.results[1].after, 9);
  assert.deepEqual([amounts(), server.effects.length], [[6, 4], 1]);
  const [{ changes }] = (await pull(server)).body.scopes;
  assert.deepEqual(changes.map(({ id, data }) => [id, data.amount]), [['to', 4], ['from', 6]]);
  assert.deepEqual(told(await push(server, [call(5, null, { name: 'fly' })])), ['server-rejected']);
  assert.deepEqual(told(await push(server, [call(6, null, { name: 'broken' })])), [500, 'server-error']);
  const stop = server.reject(({ kind, name }) => kind === 'call' && name === 'move' && 'not today');
  assert.deepEqual(told(await push(server, [call(6, { amount: 1 })])), ['validation']);
  stop();
  await push(server, [put(7)]);
  const [base] = (await pull(server)).body.scopes[0].changes.filter(({ id }) => id === 'a').map(({ rev }) => rev);
  await push(server, [call(8, null, { name: 'rename' })]);
  const edit = { seq: 9, mid: 'm9', kind: 'patch', collection: 'tasks', id: 'a', base, data: { title: 'later' }, stamp: '000000000001-0000-c_a' };
  assert.deepEqual([told(await push(server, [edit])), server.row('tasks', 'a').title], [['ok'], 'later'], 'what the same client writes later wins');
  assert.deepEqual([told(await push(server, [call(10, { amount: 1, purge: true })])), server.rows('tasks')], [['ok'], []]);
});

test('pages, tombstones, results that were not seen, another epoch', async t => {
  const server = start(t);
  server.reject(({ id }) => id === 'no' && { code: 'forbidden', field: 'title', message: 'not yours' });
  await push(server, [put(1, 'a'), put(2, 'b'), put(3, 'no'), put(4, 'c')]);
  const first = (await pull(server, { limit: 2 })).body;
  assert.deepEqual(first.results, [{ seq: 3, status: 'rejected', code: 'forbidden', field: 'title', message: 'not yours' }]);
  const [page] = first.scopes;
  assert.deepEqual([first.acked, page.more, page.fresh, page.total, page.changes.map(({ id }) => id)], [4, true, true, 3, ['a', 'b']]);
  const next = async (checkpoint, more) => (await pull(server, { seen: 4, scopes: [{ name: 'tasks', checkpoint }], ...more })).body;
  server.delete('tasks', 'a');
  const second = await next(page.checkpoint);
  assert.deepEqual(second.scopes[0].changes.map(({ id, deleted = false }) => [id, deleted]), [['c', false], ['a', true]]);
  assert.equal(second.results, undefined);
  const third = await next(second.scopes[0].checkpoint);
  assert.deepEqual([third.scopes[0].changes, third.scopes[0].more], [[], false]);
  server.newEpoch();
  const fourth = await next(third.scopes[0].checkpoint);
  assert.deepEqual([fourth.epoch === third.epoch, fourth.scopes[0].reset, fourth.scopes[0].total], [false, true, 2]);
});

test('what becomes of answers', async t => {
  const server = start(t, { token: 'right' });
  const go = (kind = 'push', more = {}) => fetch(`${server.url}/${kind}`, { method: 'POST', headers: { 'content-type': 'application/json', authorization: 'Bearer right' }, body: JSON.stringify({ v: 1, client: 'c_a', schema: 1, seen: 0, sent: SENT, mutations: [put(1)] }), ...more });
  server.fail(503, { retryAfter: 7, on: 'pull' });
  assert.equal((await go()).status, 200, 'only pulls');
  const refused = await go('pull');
  assert.deepEqual([refused.status, refused.headers.get('retry-after'), (await refused.json()).error], [503, '7', 'server-error']);
  server.loseAnswer();
  await assert.rejects(go(), TypeError);
  server.truncate();
  await assert.rejects((await go()).json(), SyntaxError);
  server.captivePortal({ times: 2 });
  for (const kind of ['push', 'pull']) assert.match(await (await go(kind)).text(), /<!doctype html>/);
  const release = server.hold();
  const held = go();
  assert.equal(await Promise.race([held, new Promise(resolve => { setTimeout(resolve, 20); })]), undefined);
  release();
  assert.equal((await held).status, 200);
  const stop = new AbortController();
  server.hold();
  const never = go('push', { signal: stop.signal });
  await new Promise(resolve => { setTimeout(resolve, 20); });
  stop.abort(new Error('enough'));
  await assert.rejects(never, /enough/);
  server.heal();
  server.token = 'another';
  assert.equal((await go()).status, 401);
  assert.equal(server.effects.length, 1, 'and none of it twice');
  assert.deepEqual(server.requests.map(({ kind, status }) => `${kind} ${status}`), ['push 200', 'pull 503', 'push 200', 'push 200', 'push 200', 'pull 200', 'push 200', 'push 200', 'push 401']);
  assert.deepEqual([server.requests[0].body.client, server.requests[0].answer.acked, server.requests.at(-1).token], ['c_a', 1, 'right']);
});

test('what it refuses', async t => {
  const server = start(t, { schema: { min: 2, max: 3 }, collections: ['tasks'] });
  const refused = async (path, init) => {
    const response = await fetch(server.url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, ...init });
    return [response.status, (await response.json()).error];
  };
  assert.deepEqual(await refused('/nowhere'), [404, 'not-found']);
  assert.deepEqual(await refused('/pull', { method: 'PUT' }), [405, 'invalid-request']);
  assert.deepEqual(await refused('/pull', { headers: {}, body: '{}' }), [415, 'invalid-request']);
  for (const body of ['', '{', '[]', '{"v":2}', '{"v":1}']) assert.deepEqual(await refused('/push', { body }), [400, 'invalid-request'], body);
  assert.deepEqual(told(await push(server, [put(1)])), [426, 'schema-unsupported']);
  assert.deepEqual(told(await push(server, [put(1), put(2)], { schema: 2 })), [400, 'invalid-request'], 'a record twice');
  assert.deepEqual(told(await push(server, [put(1, 'a', { collection: 'notes' }), put(2, 'x'.repeat(600))], { schema: 2 })), ['unknown-collection', 'invalid-id']);
  assert.deepEqual(told(await push(server, [put(3, 'a', { data: { title: 'x'.repeat(2 ** 20) } })], { schema: 2 })), ['record-too-large']);
  assert.deepEqual(told(await push(server, [put(4, 'a', { data: { title: 'x'.repeat(2_000_000) } })], { schema: 2 })), [413, 'payload-too-large']);
});

test('what a rule or a function gives that no answer can hold is a failure of the server, told in words', async t => {
  const later = n => async server => {
    const stop = server.retry(() => n);
    const { body } = await push(server, [put(1)]);
    stop();
    return body.message;
  };
  const byFunction = n => server => push(server, [{ seq: 1, mid: 'm1', kind: 'call', name: 'gives', args: n }]).then(({ body }) => body.message);
  const server = start(t, { functions: { gives: ({ args }) => (args === 'promise' ? Promise.resolve() : args === 'nan' ? NaN : args) } });
  for (const [tried, words] of [
    [later(NaN), /whole seconds, not NaN/], [later(-1), /not -1/], [later(0.5), /not 0\.5/], [later(2 ** 32), /not 4294967296/],
    [byFunction('nan'), /function gives threw: .*not NaN/], [byFunction(1.5), /not 1\.5/], [byFunction('promise'), /no promise/],
  ]) assert.match(await tried(server), words);
  server.reject(async () => undefined);
  assert.match((await push(server, [put(1)])).body.message, /no promise/);
  assert.deepEqual(server.effects, []);
});

test('other devices, with all that a record can hold', async t => {
  const server = start(t);
  const task = { title: 'a', due: new Date(5), size: 12n, photo: new Uint8Array([1, 2]), nested: { $holm: 1 } };
  const id = server.put('tasks', task);
  assert.deepEqual(server.row('tasks', id), { id, ...task });
  server.patch('tasks', id, { title: 'b', due: undefined });
  assert.deepEqual({ ...server.row('tasks', id) }, { id, title: 'b', size: 12n, photo: task.photo, nested: { $holm: 1 } });
  const [{ changes: [change] }] = (await pull(server)).body.scopes;
  assert.deepEqual(change.data.size, { $holm: ['bigint', '12'] });
  server.delete('tasks', id);
  server.delete('tasks', 'never there');
  assert.deepEqual([server.rows('tasks'), server.row('tasks', id)], [[], undefined]);
});

test('what a test misspells is told by its name', t => {
  const server = start(t);
  for (const [call, words] of [
    [() => new FakeServer({ adress: 'x' }), /adress is no option of FakeServer; there are url, /],
    [() => new FakeServer({ url: '/sync' }), /url is an http: address .* needs a page/],
    [() => new FakeServer({ conflict: 'theirs' }), /conflict is one of merge, last-write, manual/],
    [() => new FakeServer({ collections: 'tasks' }), /collections is a list/],
    [() => new FakeServer({ functions: ['archive'] }), /functions is an object of functions/],
    [() => server.install(), /installed already/],
    [() => new FakeServer().install(), /Another server is installed at http:\/\/holm\.test\/sync/],
    [() => server.fail(200), /a status from 400 to 599/],
    [() => server.fail(503, { retryAfter: 1.5 }), /retryAfter is a whole number/],
    [() => server.fail(503, { after: 1 }), /after is no option of fail/],
    [() => server.loseAnswer({ on: 'sync' }), /on of loseAnswer is 'push' or 'pull'/],
    [() => server.hold({ times: 0 }), /times of hold is a whole number/],
    [() => server.reject('no'), /reject takes a function/],
    [() => server.rows(), /A collection is a string/],
    [() => server.patch('tasks', 'x', {}), /The server has no tasks\/x to patch/],
    [() => server.put('tasks', { f: () => {} }), /cannot be stored/],
  ]) assert.throws(call, error => error.name === 'HolmError' && (words.test(error.message) || assert.fail(error.message)), String(call));
});
