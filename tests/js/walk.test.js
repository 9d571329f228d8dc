import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createContext, runInContext } from 'node:vm';

import { HolmError } from '../../pkg-template/errors.js';
import { decode, encode, encodeFields, freezeDeep } from '../../pkg-template/walk.js';

/** @param {unknown} value @param {string} code @param {string | undefined} field */
function refused(value, code, field) {
  assert.throws(() => encodeFields({ value }, { patch: false }), error => {
    assert(error instanceof HolmError, String(error));
    assert.equal(error.code, code, error.message);
    assert.equal(error.field, field);
    assert.equal(error.retryable, false);
    return true;
  });
}

const deep = levels => {
  let value = {};
  for (let level = 1; level < levels; level++) value = { down: value };
  return value;
};

test('plain values give the text that JSON.stringify gives', () => {
  const value = { a: [1, 2.5, -3e-9, 1e21, null, true, 'ö "quoted" \u0000 \u2028 👩‍👩‍👧'], b: {}, c: [], 'with space': { d: [[]] } };
  assert.equal(encode(value), JSON.stringify(value));
});

test('what JSON would change in silence comes back the same', () => {
  const value = {
    big: 2n ** 70n, negative: -12n, zero: -0, when: new Date(0), bytes: new Uint8Array([0, 255, 128]),
    list: [-0, 5n, new Date(1.5e12), { when: new Date(-1) }],
    tagged: { $holm: ['bigint', '1'] }, nested: { $holm: { $holm: 3n } }, odd: { $holm: 1, other: -0 },
  };
  const back = decode(encode(value));
  assert.deepStrictEqual(back, value);
  assert(Object.is(back.zero, -0));
  assert(Object.is(back.list[0], -0));
  assert(Object.is(back.odd.other, -0));
});

test('an ArrayBuffer is kept as its bytes, however many', () => {
  const bytes = Uint8Array.from({ length: 100_000 }, (_, index) => index % 251);
  assert.deepStrictEqual(decode(encode(bytes.buffer)), bytes);
});

test('values that cannot be stored unchanged are refused with the path to them', () => {
  refused(NaN, 'invalid-value', 'value');
  refused(Infinity, 'invalid-value', 'value');
  refused([1, [-Infinity]], 'invalid-value', 'value[1][0]');
  refused({ deep: { er: () => 1 } }, 'invalid-value', 'value.deep.er');
  refused(Symbol('s'), 'invalid-value', 'value');
  refused({ a: undefined }, 'invalid-value', 'value.a');
  refused([undefined], 'invalid-value', 'value[0]');
  refused('\ud800', 'invalid-value', 'value');
  refused({ ['\udc00']: 1 }, 'invalid-value', 'value.\udc00');
  refused(new Map(), 'invalid-value', 'value');
  refused(new Set([1]), 'invalid-value', 'value');
  refused(new (class Task {})(), 'invalid-value', 'value');
  refused(/x/, 'invalid-value', 'value');
  refused(new Date(NaN), 'invalid-value', 'value');
  refused(new Uint16Array(2), 'invalid-value', 'value');
  refused(new String('boxed'), 'invalid-value', 'value');
  refused({ [Symbol('s')]: 1 }, 'invalid-value', 'value');
  refused(Object.assign([1], { named: 2 }), 'invalid-value', 'value');
  refused([1, , 3], 'invalid-value', 'value');
  refused(JSON.parse('{"__proto__":1}'), 'invalid-value', 'value.__proto__');
  refused(Promise.resolve(1), 'invalid-value', 'value');
});

test('cycles and depth are refused, and never overflow the stack', () => {
  const cycle = { list: [] };
  cycle.list.push({ cycle });
  refused(cycle, 'invalid-value', 'value.list[0].cycle');
  assert.doesNotThrow(() => encode(deep(100)));
  assert.throws(() => encode(deep(101)), { code: 'invalid-value' });
  assert.throws(() => encode(deep(10_000)), { code: 'invalid-value' });
  let array = [];
  for (let level = 0; level < 10_000; level++) array = [array];
  assert.throws(() => encode(array), { code: 'invalid-value' });
});

test('the same part twice is no cycle', () => {
  const part = { n: 1 };
  assert.deepEqual(decode(encode([part, part])), [part, part]);
});

test('a record over 1 MB is refused before memory is used up', () => {
  refused('x'.repeat(1_048_577), 'record-too-large', 'value');
  refused(new Uint8Array(1_048_577), 'record-too-large', 'value');
  refused('x'.repeat(50_000_000), 'record-too-large', 'value');
  let doubling = ['leaf'];
  for (let level = 0; level < 60; level++) doubling = [doubling, doubling];
  assert.throws(() => encode(doubling), { code: 'record-too-large' });
  assert.doesNotThrow(() => encode('x'.repeat(1_000_000)));
});

test('what a getter or a proxy throws is told, with the path to it', () => {
  const cause = new Error('lazy loading failed');
  const record = { inner: { get value() { throw cause; } } };
  assert.throws(() => encode(record, 'record'), { code: 'invalid-value', field: 'record.inner.value', cause });
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  assert.throws(() => encode([proxy]), { code: 'invalid-value', field: '[0]' });
});

test('proxies, frozen objects, null prototypes and objects of another window are plain objects', () => {
  const bare = Object.assign(Object.create(null), { a: 1 });
  assert.equal(encode(bare), '{"a":1}');
  assert.equal(encode(Object.freeze({ a: 1 })), '{"a":1}');
  assert.equal(encode(new Proxy({ a: [1] }, {})), '{"a":[1]}');
  const foreign = runInContext('({ a: [1], when: new Date(5), bytes: new Uint8Array([1]) })', createContext());
  assert.deepEqual(decode(encode(foreign)), { a: [1], when: new Date(5), bytes: new Uint8Array([1]) });
});

test('a plain record is written by its fields, and what is not plain is walked', () => {
  assert.equal(encodeFields({ id: 'x', b: [1, 'two', null], a: 'a "quoted"\n' }, { patch: false }), '{"a":"a \\"quoted\\"\\n","b":[1,"two",null]}');
  assert.equal(encodeFields({ b: 1, a: -0 }, { patch: false }), '{"b":1,"a":{"$holm":["-0"]}}');
  for (const value of [{ toJSON: () => 5 }, Object.assign([1], { toJSON: () => 5 }), Object.assign([1], { named: 1 }), [, 1], ['\ud800'], [NaN]]) {
    assert.throws(() => encodeFields({ value }, { patch: false }), { code: 'invalid-value' });
  }
});

test('an undefined field is left out of a record and unset in a patch', () => {
  assert.equal(encodeFields({ id: 'x', a: 1, b: undefined }, { patch: false }), '{"a":1}');
  assert.equal(encodeFields({ b: undefined, a: 1 }, { patch: true }), '{"b":{"$holm":["unset"]},"a":1}');
  for (const wrong of [null, 5, 'text', [], new Map(), undefined]) {
    assert.throws(() => encodeFields(wrong, { patch: false }), { code: 'invalid-record' });
  }
});

test('names of a prototype are ordinary data', () => {
  const value = { constructor: 1, toString: { hasOwnProperty: 2 } };
  assert.deepEqual(decode(encode(value)), value);
  const hostile = decode('{"__proto__":{"polluted":{"$holm":["bigint","1"]}}}');
  assert.equal(/** @type {any} */ ({}).polluted, undefined);
  assert.equal(Object.getPrototypeOf(hostile), Object.prototype);
});

test('freezing reaches everything but bytes', () => {
  const value = freezeDeep(decode(encode({ a: [{ b: 1 }], bytes: new Uint8Array([1]) })));
  assert(Object.isFrozen(value) && Object.isFrozen(value.a) && Object.isFrozen(value.a[0]));
  assert.equal(value.bytes[0], 1);
});

test('any tree of carried values comes back the same', () => {
  let state = 42;
  const random = below => { state = (state * 1103515245 + 12345) % 2147483648; return state % below; };
  const leaf = [
    () => random(1000) - 500, () => random(1000) / 7, () => BigInt(random(9)) ** 30n, () => -0, () => null, () => random(2) === 0,
    () => 'text ' + String.fromCodePoint(0x1f600 + random(50)), () => new Date(random(1e9)), () => Uint8Array.from([random(256)]),
  ];
  const keys = ['a', '$holm', 'constructor', 'é', '', '0', 'with "quotes"'];
  const tree = depth => {
    const pick = random(depth > 0 ? leaf.length + 2 : leaf.length);
    if (pick < leaf.length) return leaf[pick]();
    if (pick === leaf.length) return Array.from({ length: random(4) }, () => tree(depth - 1));
    return Object.fromEntries(keys.filter(() => random(2)).map(key => [key, tree(depth - 1)]));
  };
  for (let run = 0; run < 2000; run++) {
    const value = tree(5);
    assert.deepStrictEqual(decode(encode(value)), value, `run ${run}`);
  }
});
