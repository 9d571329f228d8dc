// Receipts: 32 hexadecimal digits, drawn many at a time, since asking the browser for the bits of each takes longer than all else here.

const WORDS = 256; // of 32 bits; a receipt takes four

/** @type {string[]} */
let words = [];

/** A receipt that nobody has drawn before. */
export function drawReceipt() {
  if (words.length === 0) words = Array.from(crypto.getRandomValues(new Uint32Array(WORDS)), word => word.toString(16).padStart(8, '0'));
  return words.splice(-4).join('');
}
