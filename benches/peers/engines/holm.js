import { bench } from '../page/bench.js';
import { holm } from './holm-engine.js';

bench(holm({}));
