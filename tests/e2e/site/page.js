// A page without an app: the tests call the package through it.

import * as holm from '/pkg/index.js';
import { openTasks, schema } from '/tasks.js';

Object.assign(globalThis, { holm, openTasks, schema });
if ('serviceWorker' in navigator && !location.search.includes('no-worker')) {
  await navigator.serviceWorker.register('/sw.js', { type: 'module' });
}
document.documentElement.dataset.ready = 'true';
