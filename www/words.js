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

export function phaseWords({ phase, nextAttemptAt }, now) {
  switch (phase) {
    case 'pushing': return 'sending';
    case 'pulling': return 'fetching';
    case 'paused': return 'paused';
    case 'disabled': return 'no server';
    case 'waiting': return nextAttemptAt ? `next attempt in ${Math.max(0, Math.ceil((nextAttemptAt - now) / 1000))} s` : 'waiting';
    default: return 'up to date';
  }
}
