// Counts the bytes that a page hands to IndexedDB, as JSON text or as the bytes they are.

/** Starts to count; gives what was handed over since, and ends. */
export function countBytes() {
  const store = IDBObjectStore.prototype;
  const { put, add } = store;
  const counted = { bytes: 0, calls: 0 };
  const counting = write => function (value, ...key) {
    counted.bytes += sizeOf(value) + (key.length ? sizeOf(key[0]) : 0);
    counted.calls++;
    return write.call(this, value, ...key);
  };
  store.put = counting(put);
  store.add = counting(add);
  return {
    end() {
      Object.assign(store, { put, add });
      return counted;
    },
  };
}

/** About what a value takes: bytes as they are, all else as JSON would write it. */
function sizeOf(value) {
  if (value === null || value === undefined) return 4;
  if (typeof value === 'string') return value.length + 2;
  if (typeof value !== 'object') return String(value).length;
  if (value.byteLength !== undefined) return value.byteLength;
  if (value instanceof Blob) return value.size;
  const members = Array.isArray(value) ? value.map(member => ['', member]) : Object.entries(value);
  return members.reduce((sum, [key, member]) => sum + (key ? key.length + 3 : 0) + sizeOf(member) + 1, 2);
}
