// What a screen reader is told, held against a file. FOG_UPDATE_GOLDEN=1 rewrites the files; the diff is reviewed.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = join(dirname(fileURLToPath(import.meta.url)), 'golden');

// Times, ages and numbers tick; names, roles, order and state do not.
const MASKS = [
  [/[A-Z][a-z]{2} \d{1,2}, \d{1,2}:\d{2}(?::\d{2})?(?:\s[AP]M)?(?:\s(?:UTC|GMT|[A-Z]{3,4})(?:[+-]\d+(?::\d+)?)?)?/g, '<time>'],
  [/\b(?:now|never|\d+ (?:ms|s|min|h|d) ago)\b/g, '<age>'],
  [/\d+ (?:ms|s|min|h|d)\b/g, '<span>'],
  [/[−-]?\d[\d,.]*\d|[−-]?\d/g, '#'],
  [/(?:no gaps|# gaps?)\b/g, '<gaps>'],
  [/\n *- group: "Gaps: #"/g, ''], // whether there are any depends on the pace of the machine, as do these:
  [/\n *- img "[^"]*, last # values between # and #"/g, ''],
  [/\n *- term: Empty in\n *- definition: .*/g, ''],
  [/\b(?:Online|Stale|Silent)(?: usually every <span>, last seen)? <age>/g, '<state>'],
  [/# (value|record|byte|device|point|time|alarm)s?\b/g, '# $1s'],
  [/# (?:B|[KMGT]iB)\b/g, '<size>'],
];
const pause = () => new Promise((done) => setTimeout(done, 50));
export const masked = (text) => MASKS.reduce((all, [what, by]) => all.replace(what, by), text);

// Taken again until it fits: what is on its way needs a moment. In the end the difference is shown.
export async function looksLike(locator, name, ms = 10e3) {
  const path = join(folder, `${name}.aria.yml`);
  const take = async () => `${masked(await locator.ariaSnapshot())}\n`;
  if (process.env.FOG_UPDATE_GOLDEN) {
    mkdirSync(folder, { recursive: true });
    for (let before = '', same = 0; same < 20; await pause()) { // a second without a change
      const now = await take();
      same = now === before ? same + 1 : 0;
      before = now;
    }
    return writeFileSync(path, await take());
  }
  assert.ok(existsSync(path), `${path} is not there: FOG_UPDATE_GOLDEN=1 writes it`);
  const wanted = readFileSync(path, 'utf8');
  const end = Date.now() + ms;
  let got = await take();
  while (got !== wanted && Date.now() < end) {
    await pause();
    got = await take();
  }
  assert.equal(got, wanted, `golden/${name}.aria.yml`);
}
