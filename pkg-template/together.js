// What the page, its service worker, the catalog and the salvage share. All four reach all of it, so that the build puts it into one file:
// Chromium does not start the update of a service worker in which two modules import a third.

import './build.js';
import './engine.js';
import './errors.js';
import './hand-over.js';
import './heard.js';
import './load.js';
import './room.js';
import './storage.js';
