// What goes on in the page that a clock waits for before it moves: requests being answered, transactions, timers that were just set.

export const activity = {
  /** How much has happened: it only grows. */
  count: 0,
  /** What has begun and not ended. */
  open: 0,

  happened() {
    this.count++;
  },

  /** Gives the function that ends it. */
  begun() {
    this.count++;
    this.open++;
    let over = false;
    return () => {
      if (over) return;
      over = true;
      this.count++;
      this.open--;
    };
  },

  /**
   * @template T
   * @param {Promise<T>} work
   * @returns {Promise<T>}
   */
  during(work) {
    const end = this.begun();
    work.then(end, end);
    return work;
  },
};
