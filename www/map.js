// The map: a dot for each place on a canvas, longitude across and latitude down. Dots are written as pixels, which takes a few
// milliseconds for all of them where a call for each would take a hundred.

const NORTH = 84;
const SOUTH = -58;
const REACH_PX = 24;

export class DotMap {
  #canvas;
  #cloud;
  #filter;
  #matches = [];
  #chosen;
  #queued = false;

  constructor(canvas, cloud, onPick) {
    [this.#canvas, this.#cloud] = [canvas, cloud];
    new ResizeObserver(() => this.redraw()).observe(canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.redraw());
    canvas.addEventListener('click', event => {
      const n = this.#nearest(event.offsetX, event.offsetY);
      if (n !== undefined) onPick(cloud.ids[n]);
    });
  }

  /** The places that match: all dots of the cloud that do, and these records, which are here before the cloud is. */
  show(filter, matches) {
    [this.#filter, this.#matches] = [filter, matches];
    this.redraw();
  }

  /** Rings one place. */
  choose(place) {
    this.#chosen = place;
    this.redraw();
  }

  redraw() {
    if (this.#queued) return;
    this.#queued = true;
    requestAnimationFrame(() => {
      this.#queued = false;
      this.#draw();
    });
  }

  #draw() {
    const canvas = this.#canvas;
    const { clientWidth, clientHeight } = canvas;
    if (clientWidth === 0 || !this.#filter) return;
    const scale = Math.min(devicePixelRatio, 2);
    canvas.width = Math.round(clientWidth * scale);
    canvas.height = Math.round(clientHeight * scale);
    const pen = canvas.getContext('2d');
    const image = pen.createImageData(canvas.width, canvas.height);
    const pixels = new Uint32Array(image.data.buffer);
    this.#dots(pixels, { key: '', country: '', people: 0 }, colour(canvas, '--dot'));
    const accent = colour(canvas, '--accent');
    this.#dots(pixels, this.#filter, accent);
    for (const { lon, lat } of this.#matches) this.#dot(pixels, lon, lat, 3, accent);
    pen.putImageData(image, 0, 0);
    if (this.#chosen) this.#ring(pen, scale);
  }

  #dots(pixels, filter, paint) {
    const { lons, lats, people } = this.#cloud;
    this.#cloud.each(filter, n => {
      const size = people[n] >= 1_000_000 ? 3 : people[n] >= 100_000 ? 2 : 1;
      this.#dot(pixels, lons[n], lats[n], size, paint);
    });
  }

  #dot(pixels, lon, lat, size, paint) {
    const { width, height } = this.#canvas;
    const [x, y] = [across(lon, width) | 0, down(lat, height) | 0];
    for (let row = y; row < Math.min(height, y + size); row++) {
      pixels.fill(paint, row * width + x, row * width + Math.min(width, x + size));
    }
  }

  #ring(pen, scale) {
    const { width, height } = this.#canvas;
    pen.strokeStyle = getComputedStyle(this.#canvas).getPropertyValue('--bad');
    pen.lineWidth = 2 * scale;
    pen.beginPath();
    pen.arc(across(this.#chosen.lon, width), down(this.#chosen.lat, height), 7 * scale, 0, 2 * Math.PI);
    pen.stroke();
  }

  #nearest(x, y) {
    const { clientWidth, clientHeight } = this.#canvas;
    const { lons, lats } = this.#cloud;
    let [best, closest] = [undefined, REACH_PX ** 2];
    this.#cloud.each(this.#filter, n => {
      const distance = (across(lons[n], clientWidth) - x) ** 2 + (down(lats[n], clientHeight) - y) ** 2;
      if (distance < closest) [best, closest] = [n, distance];
    });
    return best;
  }
}

const across = (lon, width) => ((lon + 180) / 360) * (width - 1);
const down = (lat, height) => ((NORTH - Math.min(NORTH, Math.max(SOUTH, lat))) / (NORTH - SOUTH)) * (height - 1);

/** A colour of the style sheet (#rrggbb) as a pixel in memory, little-endian as all machines with a browser are. */
function colour(element, name) {
  const hex = Number.parseInt(getComputedStyle(element).getPropertyValue(name).trim().slice(1), 16);
  return (0xff000000 | ((hex & 0xff) << 16) | (hex & 0xff00) | (hex >> 16)) >>> 0;
}
