// The list on the page. A record stays the same object until it changes, so an element is touched only when its record is new.

export class TaskList {
  #list;
  #template;
  #actions;
  /** id → { row, item } */
  #shown = new Map();
  #marked = new Set();

  constructor(list, template, actions) {
    this.#list = list;
    this.#template = template;
    this.#actions = actions;
  }

  show(rows) {
    const ids = new Set(rows.map(row => row.id));
    for (const [id, { item }] of this.#shown) {
      if (ids.has(id)) continue;
      item.remove();
      this.#shown.delete(id);
    }
    const focused = document.activeElement;
    let next = this.#list.firstElementChild;
    for (const row of rows) {
      const item = this.#itemOf(row);
      if (item === next) next = next.nextElementSibling;
      else this.#list.insertBefore(item, next);
    }
    if (this.#list.contains(focused)) focused.focus(); // moving an element takes the focus from it
  }

  /** Tells of each task where it is: the named ones wait for the server. */
  mark(ids) {
    this.#marked = ids;
    for (const [id, { item }] of this.#shown) this.#badge(item, id);
  }

  #badge(item, id) {
    const mark = item.querySelector('.mark');
    mark.dataset.waits = this.#marked.has(id);
    mark.textContent = this.#marked.has(id) ? 'only here' : 'on server';
  }

  #itemOf(row) {
    const known = this.#shown.get(row.id);
    const item = known?.item ?? this.#made(row.id);
    if (known?.row !== row) fill(item, row);
    this.#shown.set(row.id, { row, item });
    return item;
  }

  #made(id) {
    const item = this.#template.content.firstElementChild.cloneNode(true);
    const [done, name] = [item.querySelector('.done'), item.querySelector('.name')];
    item.dataset.id = id;
    this.#badge(item, id);
    item.querySelector('.delete').addEventListener('click', () => this.#actions.remove(id));
    done.addEventListener('change', () => this.#actions.change(id, { done: done.checked }));
    name.addEventListener('change', () => {
      const title = name.value.trim();
      if (title) this.#actions.change(id, { title });
      else name.value = this.#shown.get(id).row.title;
    });
    name.addEventListener('keydown', event => { if (event.key === 'Enter') name.blur(); });
    return item;
  }
}

function fill(item, row) {
  const [done, name] = [item.querySelector('.done'), item.querySelector('.name')];
  item.classList.toggle('is-done', Boolean(row.done));
  done.checked = row.done;
  done.ariaLabel = `Done: ${row.title}`;
  name.ariaLabel = 'Title';
  item.querySelector('.delete').ariaLabel = `Delete ${row.title}`;
  if (document.activeElement !== name) name.value = row.title;
}
