// Line diff for "what will be written" and for conflicts. Longest common subsequence; rules are short.
export type DiffLine = { kind: 'same' | 'add' | 'del'; text: string };

const MOST_CELLS = 4_000_000; // beyond this everything counts as replaced

export function diffLines(before: string, after: string): DiffLine[] {
  const a = split(before);
  const b = split(after);
  if (a.length * b.length > MOST_CELLS) return [...a.map(del), ...b.map(add)];
  const width = b.length + 1;
  const common = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; --i)
    for (let j = b.length - 1; j >= 0; --j)
      common[i * width + j] = a[i] === b[j]
        ? common[(i + 1) * width + j + 1]! + 1
        : Math.max(common[(i + 1) * width + j]!, common[i * width + j + 1]!);
  const out: DiffLine[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      out.push({ kind: 'same', text: a[i]! });
      ++i;
      ++j;
    } else if (j >= b.length || (i < a.length && common[(i + 1) * width + j]! >= common[i * width + j + 1]!)) {
      out.push(del(a[i++]!));
    } else {
      out.push(add(b[j++]!));
    }
  }
  return out;
}

export const changed = (lines: DiffLine[]): boolean => lines.some((line) => line.kind !== 'same');

const split = (text: string): string[] => (text === '' ? [] : text.replace(/\n$/, '').split('\n'));
const add = (text: string): DiffLine => ({ kind: 'add', text });
const del = (text: string): DiffLine => ({ kind: 'del', text });
