// Writes batches in a page whose browser is killed at a chosen call of IndexedDB, while that call waits.

/** Tells the test something. The page stands still until it is answered: nothing happens between the two. */
function tell(what) {
  const request = new XMLHttpRequest();
  request.open('GET', `/told/${what}`, false);
  request.send();
}

const CALLS = [[IDBObjectStore, 'add'], [IDBObjectStore, 'put'], [IDBObjectStore, 'delete'], [IDBTransaction, 'commit']];

/** Looks at the calls that write, and at those that commit it: before each is made, and after it is on its way. */
function watch(before, after) {
  for (const [{ prototype }, name] of CALLS) {
    const real = prototype[name];
    prototype[name] = function (...values) {
      if (this.mode === 'readonly') return real.apply(this, values);
      before(name, this);
      const result = real.apply(this, values);
      after(name, this);
      return result;
    };
  }
}

/** Asks for death around the nth call, or the nth of those with a name: only a fold puts and deletes. */
function dieAt({ call, of, before }) {
  let calls = 0;
  const counts = name => !of || name === of;
  watch(
    name => { if (counts(name) && ++calls === call && before) tell(`die-before-${name}`); },
    name => { if (counts(name) && calls === call) tell(`die-after-${name}`); },
  );
}

/** Asks for death when an entry of the log and some blocks are written, and neither is told to commit. */
function dieInBoth() {
  const entries = new Set();
  let blocks = 0;
  watch((name, transaction) => {
    if (name === 'commit') entries.delete(transaction);
  }, (name, { name: store, transaction }) => {
    if (name === 'add') entries.add(transaction);
    blocks = store === 'blocks' && name === 'put' ? blocks + 1 : 0;
    if (blocks > 3 && entries.size > 0) tell('die-in-both');
  });
}

function write(db, { rows, gone }) {
  if (gone.length === 0) return db.tasks.putMany(rows);
  return db.transaction(async tx => {
    await tx.tasks.putMany(rows);
    await tx.tasks.deleteMany(gone);
  });
}

/** Writes the batches of a group at the same time, the groups one after another. */
export async function play(db, groups, death) {
  if (death) dieAt(death);
  else dieInBoth();
  for (const group of groups) {
    await Promise.all(group.map(batch => write(db, batch).then(() => tell(`saved-${batch.number}`))));
  }
  tell('die-between');
}
