// Many alarms at once, what they did, and a saved rule taken back.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { axeFindings, launch, overflow, Watched } from './browser.mjs';
import { Gateway, until } from './gateway.mjs';

const rule = `title = "Too warm"
bind = { device = "room-*" }
inputs.a = { point = "{device}/a", max_age = "30 min" }
[condition]
op = "threshold"
in = "a"
H = 25
hysteresis = 1
[[action]]
type = "alarm"
severity = "high"
text = "{title}: {a}"
`;
let box;
let browser;
let watched;
let page;
let ingest;

const post = async (device, body) => {
  const answer = await fetch(`${box.url}/api/v1/ingest/${device}`, { method: 'POST', headers: { Authorization: `Bearer ${ingest}`, 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  assert.equal(answer.status, 200, await answer.text());
};
const api = (method, path, body, headers = {}) => page.evaluate(([m, p, b, h]) => fetch(`/api/v1/${p}`, { method: m, headers: { 'X-Fogline': '1', 'Content-Type': 'application/json', ...h }, body: b })
  .then(async (a) => ({ status: a.status, etag: a.headers.get('ETag'), body: await a.json().catch(() => null) })), [method, path, body && JSON.stringify(body), headers]);
const saved = async (button) => {
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: button }).click()]);
  return { name: download.suggestedFilename(), text: await readFile(await download.path(), 'utf8') };
};

before(async () => {
  box = await Gateway.start({ name: 'Alarms', rules: { 'warm-a.toml': rule, 'warm-b.toml': rule.replaceAll('/a"', '/b"').replaceAll('"a"', '"b"').replaceAll('inputs.a', 'inputs.b').replace('{a}', '{b}').replace('Too warm', 'Far too warm').replace('"high"', '"critical"') } });
  box.claim();
  ingest = box.token('ingest');
  browser = await launch();
  watched = new Watched(browser, box);
  page = await watched.signedIn({ acceptDownloads: true });
});
after(async () => {
  await browser?.close();
  await box?.stop();
});

test('alarms: a few are a list; a flood is grouped by device, what came first on top', async () => {
  await page.goto(`${box.url}/#/alarms`);
  for (let i = 1; i <= 4; ++i) await post(`room-${i}`, { a: 30 });
  await page.locator('.alarm').nth(3).waitFor();
  assert.equal(await page.locator('.alarm-group').count(), 0);
  for (let i = 4; i >= 1; --i) await post(`room-${i}`, { b: 40 });
  for (let i = 5; i <= 8; ++i) await post(`room-${i}`, { a: 30 });
  await page.getByText('12 alarms at once: grouped by device').waitFor();
  const groups = page.locator('.alarm-group > summary');
  assert.equal(await groups.count(), 8);
  assert.match(await groups.first().innerText(), /critical\s+First:\s+room-1: 2 alarms/);
  const first = page.locator('.alarm-group').first().locator('.alarm');
  assert.match(await first.first().innerText(), /Too warm: 30/, 'what came first on top');
  assert.match(await first.nth(1).innerText(), /Far too warm: 40/);
  assert.deepEqual(await axeFindings(page), []);
  await page.setViewportSize({ width: 320, height: 800 });
  assert.equal(await overflow(page), '');
  await page.setViewportSize({ width: 1280, height: 900 });
});

test('alarms: below six new ones it is a list again; nothing was left out', async () => {
  for (let i = 1; i <= 8; ++i) {
    await post(`room-${i}`, { a: 20, b: 20 });
    for (const one of ['warm-a', 'warm-b']) await api('POST', `alarms/${encodeURIComponent(`room-${i}/${one}`)}/ack`, {});
  }
  await page.getByText('No alarm is active.').waitFor();
  assert.equal(await page.locator('.alarm-group').count(), 0);
  const { items } = (await api('GET', 'events-log?kind=alarm&limit=500')).body;
  assert.equal(items.filter(({ d }) => d.change === 'raised').length, 12);
});

test('alarms: history is filtered, and the file holds what the filter says', async () => {
  await page.getByRole('button', { name: 'History', exact: true }).click();
  await page.locator('tbody tr').first().waitFor();
  assert.match(page.url(), /view=history/);
  await page.getByLabel('Severity').selectOption('critical');
  await page.getByLabel('Filter').fill('room-2');
  await until('only what fits', async () => {
    const rows = await page.locator('tbody tr').allInnerTexts();
    return rows.length >= 2 && rows.every((one) => one.includes('room-2') && one.includes('critical'));
  });
  assert.deepEqual(await axeFindings(page), []);
  const csv = await saved('Export CSV');
  assert.equal(csv.name, 'alarms.csv');
  const [heads, ...rows] = csv.text.trim().split('\r\n');
  assert.match(heads, /^time_utc,change,severity,device,/);
  assert.equal(rows.length, await page.locator('tbody tr').count());
  assert.ok(rows.every((one) => one.includes(',critical,room-2,')), csv.text);
  assert.ok(rows.some((one) => one.includes(',raised,')) && rows.some((one) => one.includes(',cleared,') || one.includes(',acked,')), csv.text);
  const json = JSON.parse((await saved('Export JSON')).text);
  assert.equal(json.length, rows.length);
});

test('undo: a saved rule is taken back by keyboard within ten seconds', async () => {
  const made = { title: 'Draft', bind: { device: 'room-1' }, inputs: { t: { point: '{device}/a', max_age: '5 min' } }, condition: { op: 'threshold', in: 't', H: 50, hysteresis: 1 }, action: [{ type: 'alarm', severity: 'low', text: '{t}' }] };
  assert.equal((await api('PUT', 'rules/draft', made, { 'If-None-Match': '*' })).status, 201);
  const limit = async () => (await api('GET', 'rules/draft')).body.rule.condition.H;
  const before = await limit();
  const change = async (to) => {
    await page.getByLabel('Above', { exact: true }).fill(to);
    await page.getByText('This rule is valid.').waitFor();
    await page.getByRole('button', { name: 'Review and save' }).click();
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByRole('region', { name: 'Undo' }).getByText('It can be taken back for 10 s.').waitFor();
  };
  await page.goto(`${box.url}/#/rules/draft`);
  await change('60');
  assert.notEqual(await limit(), before);
  await page.evaluate(() => scrollTo(0, 0)); // the bar floats over what is scrolled below it
  assert.deepEqual(await axeFindings(page), []);
  await page.getByRole('button', { name: 'Undo' }).press('Enter');
  await until('the rule as it was', async () => (await limit()) === before);
  await page.getByRole('region', { name: 'Undo' }).waitFor({ state: 'detached' });
  await until('the form as it was', async () => (await page.getByLabel('Above', { exact: true }).inputValue()) === '50');

  await change('70'); // somebody else saves before the undo: theirs stays
  const theirs = await api('GET', 'rules/draft');
  assert.equal((await api('PUT', 'rules/draft', { ...made, title: 'Theirs' }, { 'If-Match': theirs.etag })).status, 200);
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.getByRole('alert').filter({ hasText: 'Changed meanwhile' }).waitFor();
  assert.equal((await api('GET', 'rules/draft')).body.rule.title, 'Theirs');
  await page.getByRole('region', { name: 'Undo' }).getByRole('button', { name: 'Close' }).click();

  await page.reload();
  await change('80');
  await page.getByRole('region', { name: 'Undo' }).waitFor({ state: 'detached', timeout: 20e3 }); // ten seconds are over
  assert.equal(`${await limit()}`.startsWith('80'), true);
});

test('undo: a new rule goes, a deleted one comes back', async () => {
  await page.goto(`${box.url}/#/rules/new?device=room-1&point=a`);
  await page.getByLabel('Name', { exact: true }).fill('Short lived');
  await page.getByLabel('Above', { exact: true }).fill('99');
  await page.getByText('This rule is valid.').waitFor();
  await page.getByRole('button', { name: 'Review and save' }).click();
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByRole('heading', { level: 1, name: 'Rule: Short lived' }).waitFor();
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.getByRole('heading', { level: 1, name: 'Rules' }).waitFor();
  assert.equal((await api('GET', 'rules/short-lived')).status, 404);
  await page.goto(`${box.url}/#/rules/draft`);
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByText('It can be brought back').waitFor();
  assert.equal((await api('GET', 'rules/draft')).status, 404);
  await page.getByRole('button', { name: 'Undo' }).click();
  await until('the rule again', async () => (await api('GET', 'rules/draft')).status === 200);
});

test('alarms: no error, no CSP violation, no request to another host', () => watched.settle());
