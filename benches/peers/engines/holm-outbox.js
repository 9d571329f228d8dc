// With sync, so that every write also puts its mutation into the outbox. It is paused: what is measured is the writing.

import { bench } from '../page/bench.js';
import { holm } from './holm-engine.js';

bench(holm({ sync: { url: '/sync' } }));
