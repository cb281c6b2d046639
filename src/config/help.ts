/** The text of `parley serve --help`, generated from the table of options. */

import { groups, type NamedOption } from './option.ts';

const columns = 100;
const indent = ' '.repeat(6);

export function optionsHelp(options: readonly NamedOption[]): string {
  const sections = groups.flatMap((group) => {
    const members = options.filter(({ option }) => option.group === group);
    return members.length === 0 ? [] : [`${group}:`, ...members.map(optionHelp), ''];
  });
  return sections.join('\n');
}

function optionHelp({ flag, option }: NamedOption): string {
  const { kind, default: value } = option;
  const printed = value === undefined ? '' : kind.print(value);
  const suffix = printed === '' ? '' : ` (default: ${printed})`;
  const short = option.short === undefined ? '' : `, also --${option.short}`;
  return [`  ${flag} ${kind.placeholder}${short}`, ...wrapText(option.description + suffix)].join('\n');
}

function wrapText(text: string): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(' ')) {
    if (line !== indent && line.length + word.length >= columns) {
      lines.push(line.trimEnd());
      line = indent;
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()];
}
