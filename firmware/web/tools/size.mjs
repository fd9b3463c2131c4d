// Size gate over dist: what the first page needs, each chunk that comes later, everything. gzip, as served.
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const dist = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist');
const KB = 1000;
const all = readdirSync(dist, { recursive: true }).filter((name) => statSync(join(dist, name)).isFile());
const gz = (name) => gzipSync(readFileSync(join(dist, name)), { level: 9 }).length;
const sum = (names) => names.reduce((n, name) => n + gz(name), 0);

// Everything the document and its entry chunk load before the first tile.
const html = readFileSync(join(dist, 'index.html'), 'utf8');
const first = all.filter((name) => name === 'index.html' || (html.includes(name.split('/').pop()) && !name.endsWith('.svg')) || /stream-worker/.test(name));
const kind = (end) => first.filter((name) => name.endsWith(end));
const later = all.filter((name) => name.endsWith('.js') && !first.includes(name));
const rows = [
  ['first load', sum(first), 60 * KB], ['first load, JS', sum(kind('.js')), 40 * KB], ['CSS', sum(kind('.css')), 8 * KB], ['HTML', gz('index.html'), 2 * KB],
  ...later.map((name) => [name, gz(name), 30 * KB]), ['everything', sum(all), 150 * KB],
];
let good = first.length >= 3;
for (const [name, size, limit] of rows) {
  if (size > limit) good = false;
  console.log(`${size > limit ? 'OVER ' : 'ok   '} ${name.padEnd(36)} ${String(size).padStart(7)} of ${limit} bytes gz`);
}
process.exit(good ? 0 : 1);
