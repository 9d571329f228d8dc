// What queries found, for as long as nothing is committed: asked again they are answered without the engine.

const ROWS_MAX = 2_000; // of all answers together; they are held until the next commit, and some apps never write

/** A moment is the number of commits that this page has heard of. */
export class Answers {
  /** @type {Map<string, any>} */
  #answers = new Map();
  #moment = 0;
  #rows = 0;

  /**
   * What was answered at this moment.
   * @param {string} question
   * @param {number} moment
   */
  known(question, moment) {
    return moment === this.#moment ? this.#answers.get(question) : undefined;
  }

  /**
   * @param {string} question
   * @param {number} moment when it was asked, and also answered
   * @param {any} answer
   * @param {number} rows how many it holds
   */
  keep(question, moment, answer, rows) {
    if (moment !== this.#moment || this.#rows + rows > ROWS_MAX) {
      this.#answers.clear();
      this.#rows = 0;
      this.#moment = moment;
    }
    if (rows > ROWS_MAX) return;
    this.#answers.set(question, answer);
    this.#rows += rows + 1; // a count has no rows
  }
}
