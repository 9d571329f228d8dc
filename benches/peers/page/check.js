// Every answer is compared with the truth; a wrong one ends the run.

const FIELDS = ['id', 'title', 'done', 'projectId', 'updatedAt', 'notes', 'tags'];

/** Records in their order. */
export function sameRecords(what, found, expected) {
  if (found.length !== expected.length) throw wrong(what, `${found.length} records`, `${expected.length} records`);
  expected.forEach((record, index) => sameRecord(what, found[index], record));
}

/** Records in any order. */
export function sameSet(what, found, expected) {
  const byId = records => [...records].sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1));
  sameRecords(what, byId(found), byId(expected));
}

export function sameRecord(what, found, expected) {
  const [a, b] = [text(found), text(expected)];
  if (a !== b) throw wrong(what, a, b);
}

export function sameNumber(what, found, expected) {
  if (found !== expected) throw wrong(what, found, expected);
}

// Engines name the id in their own way, keep 0 and 1 for false and true, or give their own kind of object.
function text(record) {
  if (record === undefined || record === null) return String(record);
  return JSON.stringify(FIELDS.map(field => {
    if (field === 'id') return idOf(record);
    return field === 'done' ? Boolean(record.done) : record[field];
  }));
}

const idOf = record => record.id ?? record._id;

function wrong(what, found, expected) {
  return new Error(`${what}: found ${found}, expected ${expected}`);
}
