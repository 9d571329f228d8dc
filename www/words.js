// What the engine says, in words for a person.

const ERRORS = {
  'offline': 'The server cannot be reached. What you write is kept here and sent later.',
  'timeout': 'The server takes too long to answer. It is asked again.',
  'not-a-holm-server': 'Something answers in the place of the server, perhaps the sign-in page of this network.',
  'redirected': 'The address of the server has moved.',
  'unauthorized': 'You need to sign in again before changes are sent.',
  'forbidden': 'The server does not allow this.',
  'rate-limited': 'The server asks for a pause.',
  'server-error': 'The server has a problem. Nothing is lost; it is asked again.',
  'schema-unsupported': 'This app is too old for the server. Reload to get the new one.',
  'newer-version-in-use': 'A newer version of this app runs in another tab. Reload this one.',
  'storage-quota': 'This device has no room left. What was saved before is safe.',
  'storage-blocked': 'The browser does not answer; another tab may be holding the storage.',
};

export function errorWords(error) {
  return ERRORS[error.code] ?? error.message;
}

export function connectionWords({ online }) {
  if (online === 'online') return 'Connected';
  return online === 'offline' ? 'Offline' : 'Looking for the server';
}

/** What is going on, and when the next attempt is. */
export function nowWords({ phase, nextAttemptAt }, now) {
  switch (phase) {
    case 'pushing': return 'sending';
    case 'pulling': return 'fetching';
    case 'paused': return 'paused';
    case 'disabled': return 'no server';
    case 'waiting': return nextAttemptAt ? `next attempt in ${Math.max(0, Math.ceil((nextAttemptAt - now) / 1000))} s` : 'waiting';
    default: return 'up to date';
  }
}

const WHY = {
  'poll': 'Everything is done; the next look for news comes by itself.',
  'backoff': 'The last attempt failed, and the next one waits a little longer each time.',
  'server-asked': 'The server asked for this pause.',
  'offline': 'The browser says that there is no network.',
  'paused': 'Sync was paused here.',
  'token': 'The server wants you to sign in again.',
  'forbidden': 'The server does not allow this account.',
  'schema': 'This app is too old for the server.',
  'redirected': 'The address of the server has moved.',
};

export function whyWords({ why, leader, pending }) {
  if (!leader) return 'Another tab of this app talks to the server.';
  if (why) return WHY[why] ?? why;
  return pending > 0 ? 'Your changes are on their way.' : 'News from the server is on its way.';
}

/** What became of a write that the server did not take. */
export function refusalWords({ reason }, onServer) {
  if (reason.code === 'conflict' && !onServer) {
    return 'You changed this task while somebody else deleted it. Your version is kept here until you choose.';
  }
  if (reason.code === 'conflict') {
    return 'You and somebody else changed this task at the same time. Your version is kept here until you choose.';
  }
  const field = reason.field ? ` (${reason.field})` : '';
  return `The server refused this change: ${reason.message || reason.code}${field}. Your version is kept here until you choose.`;
}

/** A number of things: 1 note, 2,000 notes. */
export function countWords(count, thing) {
  return `${count.toLocaleString('en')} ${thing}${count === 1 ? '' : 's'}`;
}

/** Milliseconds as a person says them. */
export function durationWords(ms) {
  const seconds = Math.max(1, Math.round(ms / 1000));
  return seconds < 90 ? `about ${seconds} s` : `about ${Math.round(seconds / 60)} min`;
}
