// Chance that a seed repeats.

/**
 * Whole numbers from 0 to below what is asked for: mulberry32.
 * @param {number} seed
 * @returns {(below: number) => number}
 */
export function dice(seed) {
  let state = seed;
  return below => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/**
 * The seeds of a run: so many from 0 or HOLM_FROM, or the one in HOLM_SEED.
 * @param {number} usual @param {number} long with HOLM_LONG
 */
export function seeds(usual, long) {
  const { HOLM_SEED, HOLM_FROM, HOLM_LONG } = process.env;
  if (HOLM_SEED) return [Number(HOLM_SEED)];
  return Array.from({ length: HOLM_LONG ? long : usual }, (_, n) => n + Number(HOLM_FROM ?? 0));
}
