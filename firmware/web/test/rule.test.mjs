import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { load } from './load.mjs';

const toml = await load('lib/toml.ts');
const form = await load('lib/ruleform.ts');
const { parseToml, writeToml } = toml;
const tree = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

const files = [join(tree, 'rules', 'examples'), join(tree, 'sim', 'scenarios', 'demo-rules')]
  .flatMap((folder) => readdirSync(folder).filter((name) => name.endsWith('.toml')).map((name) => join(folder, name)));

test('toml: every rule of the project is read, and written text means the same', () => {
  assert.ok(files.length >= 3);
  for (const file of files) {
    const rule = parseToml(readFileSync(file, 'utf8'));
    assert.ok(Array.isArray(rule.action), file);
    assert.deepEqual(parseToml(writeToml(rule)), rule, file);
  }
});

test('toml: the forms a rule may be written in', () => {
  const text = `
# comment
title = 'It''s' # not TOML: two texts
`;
  assert.throws(() => parseToml(text), toml.TomlError);
  assert.deepEqual(parseToml('a.b."c d" = 1\na.e = true\n[x.y]\nz = [1, 2.5, -3e2, # one\n "t"\n]\n[[l]]\nn = 1\n[[l]]\nn = { m = "\\u00e9\\n" }\n[l.sub]\nq = """\nlong\n"text" """\n'),
    { a: { b: { 'c d': 1 }, e: true }, x: { y: { z: [1, 2.5, -300, 't'] } }, l: [{ n: 1 }, { n: { m: 'é\n' }, sub: { q: 'long\n"text" ' } }] });
});

test('toml: a fault has line and column', () => {
  const where = (text) => {
    try {
      parseToml(text);
    } catch (error) {
      return [error.line, error.column];
    }
    return null;
  };
  assert.deepEqual(where('a = 1\nb = oops\n'), [2, 5]);
  assert.deepEqual(where('a = "open\n'), [1, 5]);
  assert.deepEqual(where('a = 1\na = 2\n'), [2, 1]);
  assert.deepEqual(where('[t]\nx = [1, 2\n'), [3, 1]);
  assert.deepEqual(where('a = 1 b = 2'), [1, 7]);
  assert.deepEqual(where('[a]\n[a]\n'), [2, 1]);
  assert.deepEqual(where('a = { b = 1 }\na.c = 2\n'), [2, 1]);
  assert.deepEqual(where(`a = ${'['.repeat(99)}`)?.[0], 1);
});

test('toml: keys that are names of the language stay keys', () => {
  const got = parseToml('__proto__ = 1\nconstructor = 2\n');
  assert.deepEqual(Object.keys(got), ['__proto__', 'constructor']);
  assert.equal({}.polluted, undefined);
  assert.deepEqual(parseToml(writeToml(got)), got);
});

const threshold = () => ({
  ...form.emptyForm('freezer-*', 'temp', 'Cel'), title: 'Freezer too warm', levels: { HH: '-10', H: '-15', L: '', LL: '' },
  hysteresis: '1', for: '3 s', keepFor: '5 min', noData: 'hold', latch: true, route: true, lane: 'alarm',
});

test('rule form: form → TOML → form, for all it can hold', () => {
  const deadband = { ...form.emptyForm('tank-1', 'level', '%'), title: 'Tank', watch: 'deadband', band: '0.5' };
  const percent = { ...deadband, percent: true, unit: '', maxSilence: '' };
  const bare = { ...form.emptyForm('door-1', 'open', ''), levels: { HH: '', H: '0.5', L: '', LL: '' }, mode: 'off', alarm: false, route: true };
  for (const one of [threshold(), deadband, percent, bare]) {
    const rule = form.ruleOf(one);
    const back = form.formOf(parseToml(writeToml(rule)));
    assert.ok(back, one.title);
    assert.deepEqual(form.ruleOf(back), rule);
  }
});

test('rule form: what it writes is what the box expects', () => {
  assert.deepEqual(form.ruleOf(threshold()), {
    title: 'Freezer too warm', bind: { device: 'freezer-*' }, inputs: { t: { point: '{device}/temp', max_age: '5 min' } },
    condition: { op: 'threshold', in: 't', HH: '-10 Cel', H: '-15 Cel', hysteresis: '1 K', for: '3 s', keep_for: '5 min' }, no_data: 'hold',
    action: [{ type: 'alarm', severity: { HH: 'critical', H: 'high' }, text: '{title}: {t}, limit {limit}', latch: true }, { type: 'route', lane: 'alarm', points: ['t'], while: 'active' }],
  });
});

test('rule form: a rule with more in it is left to the text', () => {
  const more = files.map((file) => [file, form.formOf(parseToml(readFileSync(file, 'utf8')))]);
  assert.equal(more.find(([file]) => file.endsWith('demo-rules/freezer-warm.toml'))[1]?.levels.H, '-15');
  assert.equal(more.find(([file]) => file.endsWith('examples/freezer-warm.toml'))[1], null, 'it has a door contact');
  assert.equal(more.find(([file]) => file.endsWith('heat-exchanger.toml'))[1], null);
  for (const odd of [{}, { inputs: 3 }, { bind: { device: 'x' }, inputs: { t: { point: '{device}/y' } } }, { action: ['x'], condition: [] }]) assert.equal(form.formOf(odd), null);
});

test('rule sentences', () => {
  assert.equal(form.sentence(form.ruleOf({ ...threshold(), levels: { HH: '', H: '-15', L: '', LL: '' }, route: false })), 'When freezer-* (each) temp is above −15 °C for 3 s → high alarm');
  for (const file of files) assert.match(form.sentence(parseToml(readFileSync(file, 'utf8'))), /^(When|Send|Watches) /);
  assert.ok(form.sentence({}));
});

test('rule limits: drawn where the rule reads the point', () => {
  const rule = form.ruleOf(threshold());
  assert.deepEqual(form.limitsOn(rule, 'freezer-3', 'temp').map((one) => one.value), [-10, -15]);
  assert.deepEqual(form.limitsOn(rule, 'freezer-3', 'door'), []);
  assert.deepEqual(form.limitsOn(rule, 'boiler-1', 'temp'), []);
});

test('file names come from titles', () => {
  assert.equal(form.idOf('Freezer too warm!'), 'freezer-too-warm');
  assert.equal(form.idOf('  Zähler <3>'), 'za-hler-3');
  assert.equal(form.idOf('???'), '');
  assert.ok(form.idOf('x'.repeat(200)).length <= 63);
});
