// Where something was measured.

import { execFileSync } from 'node:child_process';
import { cpus, loadavg } from 'node:os';

export const chromiumVersion = () => execFileSync(process.env.HOLM_CHROMIUM, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).match(/[\d.]+/)[0];
export const cores = () => cpus().length;
export const load = () => loadavg()[0].toFixed(1);
