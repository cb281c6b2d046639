/** The timeline panel: what is shown, chosen and played. */

import { StretchPlayer } from '../audio/stretch-player.js';
import { element } from '../dom.js';
import { describeMark } from './describe.js';
import { Marks, rows } from './marks.js';
import { Painter } from './painter.js';
import { Viewport } from './viewport.js';

/** @typedef {import('../session/record.js').SessionRecord} SessionRecord */
/** @typedef {import('./mark-list.js').Mark} Mark */

/** While something happens, and otherwise. */
const frameMs = { busy: 33, idle: 250, reducedMotion: 500 };
const busyMs = 1500;
/** A shorter drag is a click. */
const leastDragPixels = 4;
/** The duration that is played of a mark without one. */
const momentMs = 2000;
const help =
  'Arrow keys choose a mark. Space plays it, Enter shows its event, plus and minus zoom, 0 shows everything, Page Up and Page Down move.';

export class Timeline {
  #frame = element('timeline', HTMLElement);
  #details = element('timeline-details', HTMLElement);
  #liveButton = element('timeline-live', HTMLButtonElement);
  #playButton = element('timeline-play', HTMLButtonElement);
  #logButton = element('timeline-log', HTMLButtonElement);
  #painter = new Painter(element('timeline-canvas', HTMLCanvasElement));
  #viewport = new Viewport();
  #marks = new Marks();
  /** The item that is played, or was last. @type {string | null} */
  #playingItem = null;
  #player = new StretchPlayer(() => this.#paint());
  #reducedMotion = matchMedia('(prefers-reduced-motion: reduce)');
  #record;
  #onShowEvent;
  /** @type {Mark | null} */
  #chosen = null;
  /** @type {{ fromMs: number, untilMs: number } | null} */
  #selection = null;
  /** Where a drag began. @type {{ x: number, ms: number, byTouch: boolean } | null} */
  #drag = null;
  #lastPaintMs = 0;
  #changedMs = 0;

  /**
   * @param {SessionRecord} record
   * @param {(entry: number) => void} onShowEvent
   */
  constructor(record, onShowEvent) {
    this.#record = record;
    this.#onShowEvent = onShowEvent;
    this.#frame.tabIndex = 0;
    this.#bindButtons();
    this.#bindPointer();
    this.#frame.addEventListener('keydown', (event) => this.#key(event));
    new ResizeObserver(([box]) => {
      this.#painter.resize(box?.contentRect.width ?? 0);
      this.#paint();
    }).observe(this.#frame);
    this.#choose(null);
    const tick = () => {
      requestAnimationFrame(tick);
      this.#tick();
    };
    tick();
  }

  /**
   * Shows another record.
   * @param {SessionRecord} record
   */
  show(record) {
    this.#player.stop();
    this.#record = record;
    this.#marks = new Marks();
    this.#selection = null;
    this.#choose(null);
    this.#viewport.follow(record.nowMs);
    this.#paint();
  }

  /** @param {import('../session/record.js').Entry} entry */
  add(entry) {
    this.#marks.add(entry);
    this.#changedMs = performance.now();
  }

  /**
   * @param {import('../session/record.js').Played} played
   * @param {number} entry
   */
  addPlayed(played, entry) {
    this.#marks.played(played, entry);
    this.#changedMs = performance.now();
  }

  /** Shows the whole record. */
  fit() {
    this.#viewport.fit(0, this.#record.endMs);
    this.#paint();
  }

  /**
   * Chooses the mark of an event, or the next after it.
   * @param {number} entry
   */
  showEntry(entry) {
    const byEntry = this.#marks.all.find((mark) => mark.entry >= entry) ?? this.#marks.all.at(-1);
    if (byEntry === undefined) return;
    this.#choose(byEntry);
    this.#frame.scrollIntoView({ block: 'nearest' });
  }

  /**
   * Plays the audio of an item; a second call stops it.
   * @param {string} itemId
   * @returns {boolean} whether there is audio of it
   */
  playItem(itemId) {
    const stretch = this.#marks.stretchOf(itemId);
    if (stretch === null) return false;
    const isPlaying = this.#player.positionMs !== null && this.#playingItem === itemId;
    this.#player.stop();
    this.#playingItem = itemId;
    if (!isPlaying) this.playStretch(stretch.fromMs, stretch.untilMs);
    return true;
  }

  /**
   * Plays a stretch; a second call stops it.
   * @param {number} fromMs
   * @param {number} untilMs
   */
  playStretch(fromMs, untilMs) {
    if (this.#player.positionMs !== null) return this.#player.stop();
    this.#player.play(this.#record, fromMs, untilMs);
    this.#paint();
  }

  #tick() {
    const now = performance.now();
    const isBusy = now - this.#changedMs < busyMs || this.#player.positionMs !== null;
    if (!isBusy && !(this.#viewport.isLive && this.#record.isLive)) return;
    const interval = this.#reducedMotion.matches ? frameMs.reducedMotion : isBusy ? frameMs.busy : frameMs.idle;
    if (now - this.#lastPaintMs >= interval) this.#paint();
  }

  #paint() {
    this.#lastPaintMs = performance.now();
    const { nowMs, hasAudio } = this.#record;
    this.#viewport.update(nowMs);
    this.#painter.paint({
      record: this.#record,
      marks: this.#marks.all,
      viewport: this.#viewport,
      nowMs,
      chosen: this.#chosen,
      selection: this.#selection,
      playheadMs: this.#player.positionMs,
    });
    const { isLive } = this.#viewport;
    if (this.#liveButton.getAttribute('aria-pressed') !== String(isLive))
      this.#liveButton.setAttribute('aria-pressed', String(isLive));
    const label = this.#player.positionMs === null ? 'Play' : 'Stop';
    if (this.#playButton.textContent !== label) this.#playButton.textContent = label;
    if (this.#playButton.disabled === hasAudio) this.#playButton.disabled = !hasAudio;
  }

  #bindButtons() {
    this.#liveButton.addEventListener('click', () => this.#toggleLive());
    this.#playButton.addEventListener('click', () => this.#play());
    this.#logButton.addEventListener('click', () => this.#showChosenEvent());
    for (const [id, run] of /** @type {const} */ ([
      ['timeline-in', () => this.#viewport.zoom(0.5)],
      ['timeline-out', () => this.#viewport.zoom(2)],
      ['timeline-all', () => this.fit()],
    ])) {
      element(id, HTMLButtonElement).addEventListener('click', () => {
        run();
        this.#paint();
      });
    }
  }

  #bindPointer() {
    const frame = this.#frame;
    const xOf = (/** @type {PointerEvent | WheelEvent} */ event) => event.clientX - frame.getBoundingClientRect().left;
    const markAt = (/** @type {PointerEvent} */ event) =>
      this.#painter.markAt(xOf(event), event.clientY - frame.getBoundingClientRect().top);
    frame.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      const x = xOf(event);
      this.#drag = { x, ms: this.#painter.timeAt(x, this.#viewport), byTouch: event.pointerType === 'touch' };
      frame.setPointerCapture(event.pointerId);
    });
    frame.addEventListener('pointermove', (event) => {
      if (this.#drag === null) {
        const mark = markAt(event);
        frame.style.cursor = mark === null ? '' : 'pointer';
        return this.#describe(mark ?? this.#chosen);
      }
      const x = xOf(event);
      if (Math.abs(x - this.#drag.x) < leastDragPixels && this.#selection === null) return;
      const ms = this.#painter.timeAt(x, this.#viewport);
      if (this.#drag.byTouch) {
        this.#viewport.pan(this.#drag.ms - ms);
      } else {
        this.#viewport.hold();
        this.#select(Math.min(ms, this.#drag.ms), Math.max(ms, this.#drag.ms));
      }
      this.#paint();
    });
    frame.addEventListener('pointerup', (event) => {
      const isClick = this.#drag !== null && Math.abs(xOf(event) - this.#drag.x) < leastDragPixels;
      this.#drag = null;
      if (isClick) this.#choose(markAt(event));
    });
    frame.addEventListener('pointerleave', () => {
      if (this.#drag === null) this.#describe(this.#chosen);
    });
    frame.addEventListener(
      'wheel',
      (event) => {
        const isZoom = event.ctrlKey || event.metaKey;
        const distance = event.shiftKey ? event.deltaY : event.deltaX;
        if (!isZoom && distance === 0) return;
        event.preventDefault();
        if (isZoom) this.#viewport.zoom(1.0025 ** event.deltaY, this.#painter.timeAt(xOf(event), this.#viewport));
        else this.#viewport.pan((distance / frame.clientWidth) * this.#viewport.spanMs);
        this.#paint();
      },
      { passive: false },
    );
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    /** @type {Record<string, () => void>} */
    const actions = {
      ArrowLeft: () => this.#step(-1),
      ArrowRight: () => this.#step(1),
      ArrowUp: () => this.#changeRow(-1),
      ArrowDown: () => this.#changeRow(1),
      Home: () => this.#choose(this.#inRow().at(0) ?? null),
      End: () => this.#choose(this.#inRow().at(-1) ?? null),
      PageUp: () => this.#turnPage(-1),
      PageDown: () => this.#turnPage(1),
      '+': () => this.#viewport.zoom(0.5, this.#chosen?.startMs),
      '=': () => this.#viewport.zoom(0.5, this.#chosen?.startMs),
      '-': () => this.#viewport.zoom(2, this.#chosen?.startMs),
      0: () => this.fit(),
      l: () => this.#toggleLive(),
      ' ': () => this.#play(),
      Enter: () => this.#showChosenEvent(),
    };
    const action = actions[event.key];
    if (action === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    // The space bar also talks, and Escape interrupts.
    event.stopPropagation();
    action();
    this.#paint();
  }

  #toggleLive() {
    if (this.#viewport.isLive) this.#viewport.hold();
    else this.#viewport.follow(this.#record.nowMs);
    this.#paint();
  }

  /** Then no mark is chosen, so that what is visible can be played. @param {1 | -1} direction */
  #turnPage(direction) {
    this.#choose(null);
    this.#viewport.pan((direction * this.#viewport.spanMs) / 2);
  }

  /** The marks of the chosen row, by time. */
  #inRow(row = this.#chosen?.row) {
    return this.#marks.all
      .filter((mark) => row === undefined || mark.row === row)
      .sort((a, b) => a.startMs - b.startMs);
  }

  /** @param {1 | -1} direction */
  #step(direction) {
    const marks = this.#inRow();
    const at = this.#chosen === null ? -1 : marks.indexOf(this.#chosen);
    const next = at === -1 ? (marks.at(-1) ?? null) : (marks[at + direction] ?? this.#chosen);
    this.#choose(next);
  }

  /** @param {1 | -1} direction */
  #changeRow(direction) {
    if (this.#chosen === null) return this.#step(1);
    const { startMs, row } = this.#chosen;
    let at = rows.findIndex((candidate) => candidate.row === row) + direction;
    for (; rows[at] !== undefined; at += direction) {
      const marks = this.#inRow(rows[at]?.row);
      const distance = (/** @type {Mark} */ mark) => Math.abs(mark.startMs - startMs);
      const nearest = marks.reduce(
        (best, mark) => (best === null || distance(mark) < distance(best) ? mark : best),
        /** @type {Mark | null} */ (null),
      );
      if (nearest !== null) return this.#choose(nearest);
    }
  }

  /** @param {Mark | null} mark */
  #choose(mark) {
    this.#chosen = mark;
    this.#selection = null;
    if (mark !== null) {
      this.#viewport.hold();
      this.#viewport.reveal(mark.startMs, mark.endMs ?? mark.startMs);
    }
    this.#logButton.disabled = mark === null;
    this.#describe(mark);
    this.#paint();
  }

  /**
   * @param {number} fromMs
   * @param {number} untilMs
   */
  #select(fromMs, untilMs) {
    this.#selection = { fromMs, untilMs };
    this.#chosen = null;
    this.#logButton.disabled = true;
    this.#setDetails(
      describeMark({
        row: 'notes',
        tone: 'note',
        name: 'Selection',
        text: '',
        startMs: fromMs,
        endMs: untilMs,
        facts: [],
        entry: 0,
      }),
    );
  }

  /** @param {Mark | null} mark */
  #describe(mark) {
    if (mark === null && this.#selection !== null) return;
    this.#setDetails(mark === null ? help : describeMark(mark));
  }

  /** @param {string} text */
  #setDetails(text) {
    if (this.#details.textContent !== text) this.#details.textContent = text;
  }

  #play() {
    const { fromMs, untilMs } =
      this.#selection ??
      (this.#chosen === null
        ? this.#viewport
        : {
            fromMs: this.#chosen.startMs,
            untilMs: Math.max(
              this.#chosen.endMs ?? this.#record.nowMs,
              this.#chosen.startMs + (this.#chosen.endMs === this.#chosen.startMs ? momentMs : 0),
            ),
          });
    this.playStretch(Math.max(0, fromMs), Math.min(untilMs, this.#record.endMs));
  }

  #showChosenEvent() {
    if (this.#chosen !== null) this.#onShowEvent(this.#chosen.entry);
  }
}
