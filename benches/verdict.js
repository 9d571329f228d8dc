const TIE = 1.3; // nearer than this the machine's noise decides

/**
 * What a ratio means against the one that is wanted at most.
 * @param {number} wanted
 * @param {number} ratio
 */
export function verdict(wanted, ratio) {
  if (ratio <= wanted) return 'met';
  return ratio <= wanted * TIE ? 'tie' : 'missed';
}
