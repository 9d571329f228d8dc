// For tests of an app: a server, a network, a clock and a storage that do what the test wants.

export { FakeClock } from './testing/fake-clock.js';
export { FakeConnectivity } from './testing/fake-connectivity.js';
export { FakeServer } from './testing/fake-server.js';
export { FaultyStorage } from './testing/faulty-storage.js';
