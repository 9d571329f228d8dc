// Values as text in which equal ones are equal.

/**
 * JSON text with the keys of every object in order, as the server writes it.
 * @param {unknown} value
 * @returns {string}
 */
export function canonical(value) {
  if (value instanceof Map) return canonical(Object.fromEntries(value));
  return JSON.stringify(value, (_, held) => {
    if (typeof held !== 'object' || held === null || Array.isArray(held)) return held;
    return Object.fromEntries(Object.entries(held).sort(([one], [other]) => (one < other ? -1 : 1)));
  });
}
