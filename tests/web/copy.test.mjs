// The programs the page offers, run as they are shown, each with the token it made: every one must receive a value.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launch, Watched } from './browser.mjs';
import { findProgram, Gateway, until } from './gateway.mjs';

const KINDS = { // how a person would run each; the file is the text of the page
  curl: ['program.sh', '/bin/sh'],
  EventSource: ['program.mjs', process.execPath],
  Node: ['program.mjs', process.execPath],
  Python: ['program.py', 'python3'],
  MQTT: ['program.sh', '/bin/sh'],
};
let box;
let quiet; // without an MQTT listener of its own
let browser;
let watched;
let folder;

before(async () => {
  box = await Gateway.start({ name: 'Copy' });
  box.claim();
  await box.ready(box.token('read:live'));
  quiet = await Gateway.start({ name: 'Quiet', more: '[mqtt.listener]\nenabled = false\n' });
  quiet.claim();
  await quiet.ready(quiet.token('read:live'));
  browser = await launch();
  watched = new Watched(browser, box);
  folder = mkdtempSync(join(tmpdir(), 'fog-copy-'));
  symlinkSync(fileURLToPath(new URL('./node_modules', import.meta.url)), join(folder, 'node_modules')); // "npm install eventsource"
});
after(async () => {
  await browser?.close();
  await box?.stop();
  await quiet?.stop();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

async function shown(tab, kind) {
  await tab.getByRole('combobox', { name: 'Copy as' }).selectOption(kind);
  return tab.getByRole('region', { name: `Program: ${kind}` }).innerText();
}

// A process group of its own: a shell's children go with it.
async function receives(kind, text, value, from = box) {
  const [file, program] = KINDS[kind];
  writeFileSync(join(folder, file), text);
  const child = spawn(program, [join(folder, file)], { cwd: folder, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let heard = '';
  let said = '';
  child.stdout.on('data', (part) => { heard += part; });
  child.stderr.on('data', (part) => { said += part; });
  try {
    await until(`${value} in the program for ${kind}`, () => {
      if (child.exitCode) throw new Error(`${kind} ended with ${child.exitCode}: ${said}\n${text}`);
      from.publish('tele/cold 1/SENSOR', `{"temperature":${value}}`); // until it listens, nobody hears
      return heard.includes(`${value}`);
    });
  } finally {
    process.kill(-child.pid, 'SIGTERM');
  }
}

test('copy: every program the page shows receives a value with its token', async (t) => {
  box.publish('tele/cold 1/SENSOR', '{"temperature":1.5}');
  const tab = await watched.signedIn();
  await tab.locator('.tile[data-device="tele-cold-1"], .tile[data-device="cold-1"]').first().getByRole('link').first().click();
  await tab.getByRole('button', { name: 'Make a token' }).click();
  const choice = tab.getByRole('combobox', { name: 'Copy as' });
  await choice.locator('option', { hasText: 'MQTT' }).waitFor({ state: 'attached' });
  assert.deepEqual(await choice.locator('option').allInnerTexts(), Object.keys(KINDS));
  let value = 20.5;
  for (const kind of Object.keys(KINDS)) {
    value += 1;
    const skip = kind === 'Python' && !findProgram('python3') ? 'python3 is not here' : kind === 'MQTT' && !findProgram('mosquitto_sub') ? 'mosquitto_sub is not here' : false;
    await t.test(kind, { skip }, async () => receives(kind, await shown(tab, kind), value));
  }
  await tab.context().close();
});

test('copy: the token streams this device and no other, and changes nothing', async () => {
  const tab = await watched.signedIn();
  await tab.goto(`${box.url}/#/devices/probe`);
  await tab.getByRole('button', { name: 'Make a token' }).click();
  const text = await shown(tab, 'curl');
  const token = /Bearer (fgl_[\w-]+)/.exec(text)[1];
  const ask = (path, method = 'GET') => fetch(`${box.url}${path}`, { method, headers: { Authorization: `Bearer ${token}` }, signal: AbortSignal.timeout(20e3) }).then((a) => a.status);
  assert.equal(await ask('/api/v1/stream?channel=samples/tele-cold-1/%23'), 403);
  assert.equal(await ask('/api/v1/devices/probe/ignore', 'POST'), 403);
  await tab.context().close();
});

// The context of a tab lets it reach one gateway only.
async function signedInAt(gateway) {
  const other = new Watched(browser, gateway);
  return [await other.signedIn(), other];
}

test('copy: without a listener MQTT means the broker a device publishes to', async () => {
  quiet.publish('tele/cold 1/SENSOR', '{"temperature":1.5}');
  const [tab, other] = await signedInAt(quiet);
  await tab.locator('.tile[data-device="tele-cold-1"], .tile[data-device="cold-1"]').first().getByRole('link').first().click();
  await tab.getByRole('button', { name: 'Make a token' }).click();
  await tab.getByRole('combobox', { name: 'Copy as' }).locator('option', { hasText: 'MQTT' }).waitFor({ state: 'attached' });
  const text = await shown(tab, 'MQTT');
  assert.match(text, /from the broker it publishes to/);
  if (findProgram('mosquitto_sub')) await receives('MQTT', text, 30.5, quiet);
  await other.settle();
  await tab.context().close();
});

test('copy: without a listener MQTT is not offered for a device that comes from no broker, with the reason', async () => {
  const token = quiet.token('ingest');
  const answer = await fetch(`${quiet.url}/api/v1/ingest/meter`, { method: 'POST', headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }, body: '{"flow": 1.5}' });
  assert.equal(answer.status, 200);
  const [tab, other] = await signedInAt(quiet);
  await tab.goto(`${quiet.url}/#/devices/meter`);
  await tab.getByRole('button', { name: 'Make a token' }).click();
  await tab.getByText('MQTT is not offered here').waitFor();
  assert.equal(await tab.getByRole('combobox', { name: 'Copy as' }).locator('option', { hasText: 'MQTT' }).count(), 0);
  await other.settle();
  await tab.context().close();
});

test('copy: no error, no CSP violation, no request to another host', () => watched.settle());
