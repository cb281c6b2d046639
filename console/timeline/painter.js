/** Draws the timeline on a canvas, and finds the mark at a point. */

import { rows } from './marks.js';
import { formatTime, tickMs } from './viewport.js';

/** @typedef {import('./mark-list.js').Mark} Mark */
/** @typedef {{ left: number, top: number, width: number, height: number, mark: Mark }} Box */
/**
 * @typedef {object} Scene
 * @property {import('../session/record.js').SessionRecord} record
 * @property {readonly Mark[]} marks
 * @property {import('./viewport.js').Viewport} viewport
 * @property {number} nowMs where open marks end
 * @property {Mark | null} chosen
 * @property {{ fromMs: number, untilMs: number } | null} selection
 * @property {number | null} playheadMs
 */

const axisHeight = 20;
const trackHeight = 42;
const rowHeight = 20;
const gap = 4;
const maxLanes = 3;
const leastMarkWidth = 5;
const leastTextHeight = 12;
/** Rows whose marks have text. @type {ReadonlySet<import('./mark-list.js').Row>} */
const labelled = new Set(['turns', 'transcripts', 'responses', 'tools', 'notes']);

const tracks = /** @type {const} */ (['user', 'assistant']);
const rowsTop = axisHeight + tracks.length * (trackHeight + gap);
export const timelineHeight = rowsTop + rows.length * (rowHeight + gap);

export class Painter {
  #canvas;
  #context;
  #width = 0;
  /** @type {Box[]} */
  #boxes = [];
  /** @type {CSSStyleDeclaration} */
  #style;
  /** @type {Map<string, string>} */
  #colours = new Map();

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    const context = canvas.getContext('2d');
    if (context === null) throw new Error('The browser cannot draw on a canvas.');
    this.#canvas = canvas;
    this.#context = context;
    this.#style = getComputedStyle(canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#colours.clear());
  }

  /** Adapts the canvas to its place on the page. @param {number} width in CSS pixels */
  resize(width) {
    const scale = devicePixelRatio || 1;
    this.#width = width;
    this.#canvas.width = Math.round(width * scale);
    this.#canvas.height = Math.round(timelineHeight * scale);
    this.#canvas.style.height = `${timelineHeight}px`;
    this.#context.setTransform(scale, 0, 0, scale, 0, 0);
  }

  get #gutter() {
    return this.#width < 520 ? 74 : 92;
  }

  /**
   * @param {number} x in CSS pixels
   * @param {import('./viewport.js').Viewport} viewport
   */
  timeAt(x, { fromMs, spanMs }) {
    const part = (x - this.#gutter) / Math.max(1, this.#width - this.#gutter);
    return fromMs + Math.max(0, Math.min(1, part)) * spanMs;
  }

  /**
   * @param {number} x
   * @param {number} y
   * @returns {Mark | null}
   */
  markAt(x, y) {
    const near = (/** @type {Box} */ { left, top, width, height }) =>
      x >= left - 2 && x <= left + width + 2 && y >= top - 1 && y <= top + height + 1;
    return this.#boxes.findLast(near)?.mark ?? null;
  }

  /** @param {Scene} scene */
  paint(scene) {
    const context = this.#context;
    context.clearRect(0, 0, this.#width, timelineHeight);
    context.font = `11px ${this.#style.fontFamily}`;
    context.textBaseline = 'middle';
    this.#boxes = [];
    this.#titles(scene.record.userName);
    context.save();
    context.beginPath();
    context.rect(this.#gutter, 0, this.#width - this.#gutter, timelineHeight);
    context.clip();
    this.#axis(scene);
    if (scene.selection !== null) this.#shade(scene, scene.selection.fromMs, scene.selection.untilMs);
    for (const [i, side] of tracks.entries()) this.#waveform(scene, side, axisHeight + i * (trackHeight + gap));
    for (const [i, { row }] of rows.entries()) this.#row(scene, row, rowsTop + i * (rowHeight + gap));
    this.#line(scene, scene.nowMs, '--muted');
    if (scene.playheadMs !== null) this.#line(scene, scene.playheadMs, '--accent');
    context.restore();
  }

  /** @param {string} userName */
  #titles(userName) {
    const context = this.#context;
    context.fillStyle = this.#colour('--muted');
    for (const [i, title] of [userName, 'Parley'].entries())
      context.fillText(title, 12, axisHeight + i * (trackHeight + gap) + trackHeight / 2);
    for (const [i, { title }] of rows.entries())
      context.fillText(title, 12, rowsTop + i * (rowHeight + gap) + rowHeight / 2);
  }

  /** @param {Scene} scene */
  #axis({ viewport }) {
    const context = this.#context;
    const step = tickMs(viewport.spanMs, (this.#width - this.#gutter) / 90);
    for (let atMs = Math.ceil(viewport.fromMs / step) * step; atMs < viewport.untilMs; atMs += step) {
      const x = this.#x(viewport, atMs);
      context.fillStyle = this.#colour('--line');
      context.fillRect(Math.round(x), axisHeight - 4, 1, timelineHeight);
      context.fillStyle = this.#colour('--muted');
      context.fillText(formatTime(atMs), x + 4, axisHeight / 2);
    }
  }

  /**
   * @param {Scene} scene
   * @param {'user' | 'assistant'} side
   * @param {number} top
   */
  #waveform({ record, viewport }, side, top) {
    const context = this.#context;
    const track = record[side];
    const middle = top + trackHeight / 2;
    const msPerPixel = viewport.spanMs / Math.max(1, this.#width - this.#gutter);
    context.fillStyle = this.#colour('--line');
    if (track.isEmpty && record.withoutAudio !== '') {
      context.fillStyle = this.#colour('--muted');
      context.fillText(record.withoutAudio, this.#gutter + 8, middle);
      return;
    }
    context.fillRect(this.#gutter, middle, this.#width, 1);
    context.fillStyle = this.#colour(side === 'user' ? '--tone-user' : '--tone-agent');
    for (let x = this.#gutter; x < this.#width; x++) {
      // On whole pixels of the axis, so that the waveform does not flicker while it moves.
      const fromMs = Math.floor(viewport.fromMs / msPerPixel) * msPerPixel + (x - this.#gutter) * msPerPixel;
      const height = Math.sqrt(track.peak(fromMs, fromMs + msPerPixel)) * (trackHeight - 2);
      if (height > 1) context.fillRect(x, middle - height / 2, 1, height);
    }
  }

  /**
   * @param {Scene} scene
   * @param {import('./mark-list.js').Row} row
   * @param {number} top
   */
  #row({ marks, viewport, nowMs, chosen }, row, top) {
    const context = this.#context;
    context.fillStyle = this.#colour('--raised');
    context.fillRect(this.#gutter, top, this.#width - this.#gutter, rowHeight);
    const shown = marks.filter(
      (mark) => mark.row === row && mark.startMs < viewport.untilMs && (mark.endMs ?? nowMs) >= viewport.fromMs,
    );
    const lanes = row === 'speech' ? shown.map(({ tone }) => (tone === 'user' ? 0 : 1)) : lanesOf(shown, nowMs);
    const count = row === 'speech' ? 2 : Math.max(1, ...lanes.map((lane) => lane + 1));
    const height = rowHeight / count;
    const starts = shown.map(({ startMs }) => startMs).sort((a, b) => a - b);
    for (const [i, mark] of shown.entries()) {
      const left = this.#x(viewport, mark.startMs);
      const width = Math.max(leastMarkWidth, this.#x(viewport, mark.endMs ?? nowMs) - left);
      const box = { left, top: top + (lanes[i] ?? 0) * height, width, height, mark };
      this.#boxes.push(box);
      this.#mark(box, mark === chosen);
      if (labelled.has(row) && height >= leastTextHeight) {
        const next = starts[firstAbove(starts, mark.startMs)] ?? viewport.untilMs;
        this.#label(box, this.#x(viewport, next));
      }
    }
  }

  /**
   * @param {Box} box
   * @param {boolean} isChosen
   */
  #mark({ left, top, width, height, mark }, isChosen) {
    const context = this.#context;
    const isSolid = !labelled.has(mark.row) || width <= leastMarkWidth;
    context.fillStyle = this.#colour(`--tone-${mark.tone}`);
    context.globalAlpha = isSolid ? 1 : 0.25;
    context.fillRect(left, top + 1, Math.max(1, width - 1), height - 2);
    context.globalAlpha = 1;
    if (!isSolid) context.fillRect(left, top + 1, 2, height - 2);
    if (isChosen) {
      context.strokeStyle = this.#colour('--ink');
      context.lineWidth = 2;
      context.strokeRect(left, top + 1, Math.max(3, width - 1), height - 2);
    }
  }

  /**
   * The text of a mark, which may extend beyond its end as far as there is space.
   * @param {Box} box
   * @param {number} untilX
   */
  #label({ left, top, height, mark }, untilX) {
    const context = this.#context;
    const from = Math.max(left, this.#gutter);
    if (untilX - from < 24) return;
    context.save();
    context.beginPath();
    context.rect(from, top, untilX - from - 3, height);
    context.clip();
    context.fillStyle = this.#colour('--ink');
    context.fillText((mark.text || mark.name).slice(0, 200), from + 8, top + height / 2 + 0.5);
    context.restore();
  }

  /**
   * @param {Scene} scene
   * @param {number} fromMs
   * @param {number} untilMs
   */
  #shade({ viewport }, fromMs, untilMs) {
    const left = this.#x(viewport, fromMs);
    this.#context.fillStyle = this.#colour('--selection');
    this.#context.fillRect(left, 0, this.#x(viewport, untilMs) - left, timelineHeight);
  }

  /**
   * @param {Scene} scene
   * @param {number} atMs
   * @param {string} colour
   */
  #line({ viewport }, atMs, colour) {
    this.#context.fillStyle = this.#colour(colour);
    this.#context.fillRect(Math.round(this.#x(viewport, atMs)), 0, 1, timelineHeight);
  }

  /**
   * @param {import('./viewport.js').Viewport} viewport
   * @param {number} atMs
   */
  #x({ fromMs, spanMs }, atMs) {
    return this.#gutter + ((atMs - fromMs) / spanMs) * (this.#width - this.#gutter);
  }

  /** @param {string} name of a CSS property */
  #colour(name) {
    const known = this.#colours.get(name);
    if (known !== undefined) return known;
    // Canvas does not know light-dark(), so an element resolves it.
    this.#canvas.style.color = `var(${name})`;
    const colour = this.#style.color;
    this.#canvas.style.color = '';
    this.#colours.set(name, colour);
    return colour;
  }
}

/**
 * Lanes for marks of a row that overlap.
 * @param {Mark[]} marks
 * @param {number} nowMs
 */
function lanesOf(marks, nowMs) {
  /** @type {number[]} */
  const ends = [];
  return marks.map((mark) => {
    const free = ends.findIndex((endMs) => endMs <= mark.startMs);
    const lane = free === -1 ? Math.min(ends.length, maxLanes - 1) : free;
    ends[lane] = mark.endMs ?? nowMs;
    return lane;
  });
}

/**
 * @param {number[]} sorted
 * @param {number} value
 * @returns {number} the index of the first element above the value
 */
function firstAbove(sorted, value) {
  let [from, until] = [0, sorted.length];
  while (from < until) {
    const middle = (from + until) >> 1;
    if ((sorted[middle] ?? 0) > value) until = middle;
    else from = middle + 1;
  }
  return from;
}
