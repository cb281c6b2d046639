/** The one table that people read. */

import { type Figure, reached, type Section, type Unit } from './figures.ts';
import type { Machine } from './machine.ts';

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

function sectionTable({ title, how, figures, warnings }: Section): string {
  const head = title.padEnd(nameWidth) + columns.map((column, index) => column.padStart(widths[index] ?? 0)).join('');
  return [
    head.trimEnd(),
    '─'.repeat(lineWidth),
    ...figures.map(figureLine),
    ...(how === '' ? [] : [wrapped(how, '  ')]),
    ...warnings.map((warning) => wrapped(`! ${warning}`, '  ')),
    '',
  ].join('\n');
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
};

function inUnit(value: number, unit: Unit): string {
  return `${number(value)}${suffixes[unit]}`;
}

/** Three figures: what is finer is noise. */
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
