/** Describes the machine, and formats the tables. */

import { readFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { toleratedRatio } from '../dev/harness/ratio.ts';
import type { Comparison } from './compare.ts';
import { type Figure, type Grid, reached, type Section, type Unit } from './figures.ts';

export interface Machine {
  processor: string;
  /** Processors that this process may use. */
  cores: number;
  memoryGiB: number;
  platform: string;
  node: string;
  /** The version of Parley, from package.json. */
  parley: string;
  /** Load average of the last minute. */
  loadAverage: number;
  startedAt: string;
}

/** Above this share of the cores, other programs affect the latencies. */
const busyShare = 0.25;

export async function describeMachine(): Promise<Machine> {
  const manifest: unknown = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'));
  const version = typeof manifest === 'object' && manifest !== null && 'version' in manifest ? manifest.version : '';
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    platform: `${process.platform} ${process.arch}`,
    node: process.versions.node,
    parley: String(version),
    loadAverage: loadavg()[0] ?? 0,
    startedAt: new Date().toISOString(),
  };
}

/** A warning when the machine is not idle; null if it is idle or its load is unknown. */
export function busyWarning({ loadAverage, cores }: Machine): string | null {
  if (loadAverage <= cores * busyShare) return null;
  return (
    `The load average is ${loadAverage.toFixed(2)} on ${cores} cores before anything was started: ` +
    'other programs are running, and every figure below may be too high because of them.'
  );
}

const columns = ['median', 'p99', 'max', 'n', 'aim', ''] as const;
const widths = [12, 9, 9, 8, 21, 8] as const;
const nameWidth = 54;
const lineWidth = nameWidth + widths.reduce((sum, width) => sum + width, 0);
/** With fewer samples the 99th percentile is the maximum. */
const samplesForP99 = 100;

export function heading(machine: Machine, mode: string): string {
  const { processor, cores, memoryGiB, platform, node, parley, loadAverage, startedAt } = machine;
  return [
    `Parley ${parley} · ${mode} run of ${startedAt}`,
    `${processor}, ${cores} cores, ${memoryGiB} GiB · ${platform} · Node ${node} · load average ${loadAverage.toFixed(2)}`,
    '',
  ].join('\n');
}

export function table(sections: readonly Section[]): string {
  return sections.map(sectionTable).join('\n');
}

export function warningLine(text: string): string {
  return `${wrapped(`! ${text}`, '  ')}\n`;
}

/** One line per figure of a comparison. */
export function comparisonTable(comparisons: readonly Comparison[], there: string): string {
  const columns = [12, 12, 8, 18, 5, 14];
  const line = (name: string, cells: readonly string[]) =>
    (name.padEnd(nameWidth + 4) + cells.map((cell, index) => cell.padStart(columns[index] ?? 0)).join('')).trimEnd();
  return [
    line(`This tree beside ${there}`, ['this tree', 'REF', 'ratio', 'noise', 'n', '']),
    '─'.repeat(lineWidth + 4),
    ...comparisons.map(({ name, unit, here, there, n, ratio, low, high, verdict }) =>
      line(name, [
        inUnit(here, unit),
        inUnit(there, unit),
        `×${ratio.toFixed(2)}`,
        `×${low.toFixed(2)} … ×${high.toFixed(2)}`,
        String(n),
        verdict,
      ]),
    ),
    wrapped(
      'Medians of n rounds. A round measures both trees, one after the other, each with its own servers and the clients of this tree. The ratio is ' +
        "the median of the rounds' ratios; the noise is the interval that holds the true median with a confidence of 90 % (order statistics). " +
        `WORSE: the whole interval is worse by more than ${Math.round(100 * (toleratedRatio - 1))} %.`,
      '  ',
    ),
    '',
  ].join('\n');
}

function sectionTable({ title, how, figures, grids = [], warnings }: Section): string {
  const head = title.padEnd(nameWidth) + columns.map((column, index) => column.padStart(widths[index] ?? 0)).join('');
  return [
    head.trimEnd(),
    '─'.repeat(lineWidth),
    ...figures.map(figureLine),
    ...grids.flatMap(gridLines),
    ...(how === '' ? [] : [wrapped(how, '  ')]),
    ...warnings.map((warning) => wrapped(`! ${warning}`, '  ')),
    '',
  ].join('\n');
}

const gridNameWidth = 26;
const gridWidth = 13;

function gridLines({ columns, rows }: Grid): string[] {
  const line = (name: string, cells: readonly string[]) =>
    (name.padEnd(gridNameWidth) + cells.map((cell) => cell.padStart(gridWidth)).join('')).trimEnd();
  return ['', line('', columns), ...rows.map(({ name, cells }) => line(name, cells))];
}

function figureLine(figure: Figure): string {
  const { name, unit, n, median, p99, max, timesBare } = figure;
  const met = reached(figure);
  const cells = [
    n === 0 ? 'none' : inUnit(median, unit),
    n >= samplesForP99 ? number(p99) : '',
    n > 1 ? number(max) : '',
    String(n),
    aimText(figure),
    timesBare !== undefined ? `×${number(timesBare)}` : met === undefined ? '' : met ? 'met' : 'MISSED',
  ];
  return (name.padEnd(nameWidth) + cells.map((cell, index) => cell.padStart(widths[index] ?? 0)).join('')).trimEnd();
}

function aimText({ aim }: Figure): string {
  if (!aim) return '';
  const parts = [
    aim.median === undefined ? '' : `≤ ${number(aim.median)}`,
    aim.p99 === undefined ? '' : `p99 ≤ ${number(aim.p99)}`,
    aim.atLeast === undefined ? '' : `≥ ${number(aim.atLeast)}`,
  ];
  return parts.filter((part) => part !== '').join(', ');
}

const suffixes: Record<Unit, string> = {
  ms: ' ms',
  µs: ' µs',
  '% of a core': ' %',
  '%': ' %',
  MB: ' MB',
  '/s': ' /s',
  '×': ' ×',
  '': '',
  dB: ' dB',
};

function inUnit(value: number, unit: Unit): string {
  return `${number(value)}${suffixes[unit]}`;
}

/** Three significant digits: the rest is noise. */
function number(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const decimals = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return value.toFixed(decimals);
}

function wrapped(text: string, indent: string): string {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(' ')) {
    if (line.length + word.length > lineWidth && line.trim() !== '') {
      lines.push(line.trimEnd());
      line = indent;
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()].join('\n');
}
