import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './load.mjs';

const { diffLines, changed } = await load('lib/diff.ts');
const marks = { same: ' ', add: '+', del: '-' };
const show = (a, b) => diffLines(a, b).map((line) => marks[line.kind] + line.text).join('\n');

test('diff: the lines that changed, in order', () => {
  assert.equal(show('a\nb\nc\n', 'a\nx\nc\n'), ' a\n-b\n+x\n c');
  assert.equal(show('', 'a\n'), '+a');
  assert.equal(show('a\n', ''), '-a');
});

test('diff: the same text has no change', () => {
  assert.equal(changed(diffLines('a\nb\n', 'a\nb\n')), false);
  assert.equal(changed(diffLines('a\n', 'b\n')), true);
});

test('diff: both texts can be made again from it, for 200 random pairs', () => {
  let seed = 7;
  const random = (n) => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
  for (let turn = 0; turn < 200; ++turn) {
    const text = () => Array.from({ length: random(12) }, () => 'abcd'[random(4)]);
    const [a, b] = [text(), text()];
    const lines = diffLines(a.join('\n'), b.join('\n'));
    assert.deepEqual(lines.filter((l) => l.kind !== 'add').map((l) => l.text), a);
    assert.deepEqual(lines.filter((l) => l.kind !== 'del').map((l) => l.text), b);
  }
});
