// The committed bundle: what it weighs, what it names, and that it is what the source builds.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const web = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'firmware', 'web');
const dist = join(web, 'dist');
const files = (folder) => readdirSync(folder, { recursive: true }).filter((name) => statSync(join(folder, name)).isFile()).sort();
const modules = existsSync(join(web, 'node_modules', 'vite'));
const without = modules ? false : 'firmware/web/node_modules is not here (npm ci --ignore-scripts)';
const run = (program, args, cwd = web) => spawnSync(program, args, { cwd, encoding: 'utf8', timeout: 300e3 });

test('bundle: within its size', () => {
  const got = run(process.execPath, [join(web, 'tools', 'size.mjs')]);
  console.log(got.stdout.replace(/^/gm, '# '));
  assert.equal(got.status, 0, got.stdout + got.stderr);
});

test('bundle: names no other host', () => {
  const allowed = new Set(['http://www.w3.org/1999/xhtml', 'http://www.w3.org/2000/svg', 'http://www.w3.org/1998/Math/MathML']);
  const named = files(dist).flatMap((name) => readFileSync(join(dist, name), 'utf8').match(/(?:https?|wss?):\/\/[^\s"'`\\)<>]*/g) ?? []);
  assert.deepEqual([...new Set(named)].filter((one) => !allowed.has(one)), []);
});

test('bundle: no inline script or style, hashed names', () => {
  const html = readFileSync(join(dist, 'index.html'), 'utf8');
  assert.doesNotMatch(html, /<style|style=|<script(?![^>]*\ssrc=)| on\w+=/);
  for (const name of files(dist)) assert.match(name, /^index\.html$|^assets\/.+-[\w-]{8}\.(js|css|svg)$/);
});

test('bundle: two builds in other folders give the committed bytes', { skip: without }, () => {
  const builds = [1, 2].map(() => {
    const folder = mkdtempSync(join(tmpdir(), 'fog-bundle-'));
    for (const part of ['src', 'index.html', 'package.json', 'vite.config.mjs', 'tsconfig.json']) cpSync(join(web, part), join(folder, part), { recursive: true });
    symlinkSync(join(web, 'node_modules'), join(folder, 'node_modules'));
    const got = run(process.execPath, [join(web, 'node_modules', 'vite', 'bin', 'vite.js'), 'build'], folder);
    assert.equal(got.status, 0, got.stdout + got.stderr);
    return folder;
  });
  try {
    for (const folder of builds) {
      const built = join(folder, 'dist');
      assert.deepEqual(files(built), files(dist), 'run npm run build in firmware/web and commit dist');
      for (const name of files(dist)) assert.ok(readFileSync(join(built, name)).equals(readFileSync(join(dist, name))), name);
    }
  } finally {
    for (const folder of builds) rmSync(folder, { recursive: true, force: true });
  }
});

test('bundle: its own tests and its types', { skip: without }, () => {
  const tests = run(process.execPath, ['--test', ...readdirSync(join(web, 'test')).filter((name) => name.endsWith('.test.mjs')).map((name) => join('test', name))]);
  assert.equal(tests.status, 0, tests.stdout + tests.stderr);
  const types = run(process.execPath, [join(web, 'node_modules', 'typescript', 'bin', 'tsc'), '--noEmit']);
  assert.equal(types.status, 0, types.stdout + types.stderr);
});

test('bundle: one Preact', { skip: without }, () => {
  const lock = JSON.parse(readFileSync(join(web, 'package-lock.json'), 'utf8'));
  assert.deepEqual(Object.keys(lock.packages).filter((name) => /(^|\/)preact$/.test(name)), ['node_modules/preact']);
});

test('bundle: the types are those of openapi.yaml', { skip: existsSync(join(web, 'tools', 'node_modules')) ? false : 'firmware/web/tools/node_modules is not here' }, () => {
  const got = run(process.execPath, [join(web, 'tools', 'api-types.mjs'), '--check']);
  assert.equal(got.status, 0, got.stderr);
});
