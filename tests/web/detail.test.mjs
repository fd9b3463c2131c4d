// One device: what is missing stays missing in tile, chart, table and file; alarms and limits stand on the chart.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { axeFindings, launch, overflow, Watched } from './browser.mjs';
import { Gateway, until } from './gateway.mjs';

const rule = (title, limit, severity) => `title = "${title}"
bind = { device = "tank" }
inputs.l = { point = "{device}/level", max_age = "30 min" }
[condition]
op = "threshold"
in = "l"
H = ${limit}
hysteresis = 1
[[action]]
type = "alarm"
severity = "${severity}"
text = "{title}: {l}, limit {limit}"
`;
const MINUTE = 60e3;
const start = Date.now() - 9 * MINUTE; // the log looks ten minutes back for late values
let box;
let browser;
let watched;
let page;
let ingest;

const saved = async (button) => {
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: button }).click()]);
  return { name: download.suggestedFilename(), text: await readFile(await download.path(), 'utf8') };
};
const post = async (body) => {
  const answer = await fetch(`${box.url}/api/v1/ingest/tank`, { method: 'POST', headers: { Authorization: `Bearer ${ingest}`, 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  assert.equal(answer.status, 200, await answer.text());
};
const api = (path) => page.evaluate((p) => fetch(`/api/v1/${p}`).then((a) => a.json()), path);
const cells = (text) => text.trim().split('\r\n').map((line) => line.split(','));

before(async () => {
  box = await Gateway.start({ name: 'Tank farm', rules: { 'tank-high.toml': rule('Tank high', 80, 'high'), 'tank-full.toml': rule('Tank full', 90, 'critical') } });
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

test('detail: a silence of six minutes, null and the text NaN are gaps, never 0 and never a line', async () => {
  const level = (from, to) => Array.from({ length: (to - from) * 12 }, (_, i) => ({ ts: start + from * MINUTE + i * 5e3, level: 40 + (i % 7) }));
  for (let i = 0; i < 8; ++i) await post({ level: 50 + i }); // its habit, live
  await post(level(0, 1));
  await post(level(7, 8));
  await post({ level: null });
  await page.goto(`${box.url}/#/live`);
  const reading = page.locator('.tile[data-device="tank"] .readings li', { hasText: 'level' });
  await reading.filter({ hasText: 'no value' }).waitFor();
  await post({ level: 'NaN' });
  await post({ level: 51 });
  await until('all of it in the log', async () => (await api(`series/tank/level?from=${start - 1000}&to=${Date.now() + 1000}`)).t.length >= 33);
  const series = await api(`series/tank/level?from=${start - 1000}&to=${Date.now() + 1000}`);
  assert.ok(series.gaps.some(([from, to]) => to - from > 5 * MINUTE), JSON.stringify(series.gaps));
  assert.ok(series.v.every((v) => v === null || v >= 40));

  await page.goto(`${box.url}/#/devices/tank?pt=level&from=${start - 1000}&to=${Date.now() + 1000}`);
  await page.locator('.plot canvas').waitFor();
  await page.getByRole('group', { name: /^level from .* [1-9]\d* gaps?\.$/ }).waitFor();
  // In the middle of the silence nothing is painted in the colour of the line.
  const painted = await page.evaluate(() => {
    const canvas = document.querySelector('.plot canvas');
    const context = canvas.getContext('2d');
    const wanted = getComputedStyle(document.documentElement).getPropertyValue('--chart').trim().match(/\w\w/g).map((hex) => parseInt(hex, 16));
    const over = document.querySelector('.u-over').getBoundingClientRect();
    const scale = canvas.width / canvas.getBoundingClientRect().width;
    const left = (over.left - canvas.getBoundingClientRect().left) * scale;
    const count = (from, to) => {
      const { data } = context.getImageData(left + from * over.width * scale, 0, (to - from) * over.width * scale, canvas.height);
      let n = 0;
      for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 128 && wanted.every((c, k) => Math.abs(data[i + k] - c) < 24)) ++n;
      return n;
    };
    return { silence: count(0.25, 0.6), values: count(0, 0.1) };
  });
  assert.equal(painted.silence, 0, 'no line through the silence');
  assert.ok(painted.values > 0, 'and a line where there are values');

  const { name, text } = await saved('Export CSV');
  assert.equal(name, 'tank-level.csv');
  const [heads, ...rows] = cells(text);
  assert.deepEqual(heads, ['time_utc', 'value', 'min', 'max', 'unit', 'no_data', 'no_data_until_utc']);
  assert.equal(rows.filter((row) => row[1] !== '').length, series.t.length, 'as many values as the chart');
  const silence = rows.find((row) => row[5] === 'no data' && Date.parse(row[6]) - Date.parse(row[0]) > 5 * MINUTE);
  assert.ok(silence && silence[1] === '', text);
  assert.ok(rows.some((row) => row[1] === '' && /sensor|bad|null|decode|missing|no value/i.test(row[5])), text);
  assert.equal(rows.some((row) => row[1] === '0'), false);
  const json = JSON.parse((await saved('Export JSON')).text);
  assert.equal(json.rows.length, rows.length);
  assert.ok(json.rows.filter((row) => row.no_data).every((row) => row.value === null));

  await page.getByRole('button', { name: 'As table' }).click();
  await page.getByRole('region', { name: /^History of/ }).getByText('No data: no data').first().waitFor();
  assert.equal(await page.getByRole('region', { name: /^History of/ }).locator('td', { hasText: /^0$/ }).count(), 0);
  const table = cells((await saved('Export CSV')).text);
  assert.deepEqual(table[0].slice(0, 5), ['from_utc', 'to_utc', 'min', 'mean', 'max']);
  assert.ok(table.slice(1).some((row) => row[5] === '0' && row[2] === '' && row[3] === '' && row[7] !== ''), 'an empty stretch has no numbers');
});

test('detail: alarms are bands behind the line, every limit has its line and name', async () => {
  await post({ level: 95 });
  await page.goto(`${box.url}/#/devices/tank?pt=level&range=5m`);
  await page.reload();
  await page.locator('.limit', { hasText: 'Tank high: 80' }).waitFor();
  await page.locator('.limit', { hasText: 'Tank full: 90' }).waitFor();
  await page.locator('.alarm-band.high').waitFor();
  await page.locator('.alarm-band.critical').waitFor();
  await page.getByText('Alarms in this range: 2').click();
  await page.locator('.bands li', { hasText: 'critical' }).filter({ hasText: 'still active' }).waitFor();
  await post({ level: 30 });
  await page.locator('.bands li', { hasText: 'critical' }).filter({ hasText: / to .*\(/ }).waitFor();
  assert.deepEqual(await axeFindings(page), []);
  await page.setViewportSize({ width: 320, height: 800 });
  assert.equal(await overflow(page), '');
  await page.setViewportSize({ width: 1280, height: 900 });
});

test('detail: the text of a cleared alarm names the limit that was left', async () => {
  const { items } = await api('events-log?dev=tank&kind=alarm');
  assert.ok(items.some(({ d }) => d.change === 'cleared'));
  for (const { d } of items) assert.match(d.text, /^Tank (high|full): \d+, limit (80|90)$/);
});

test('detail: no error, no CSP violation, no request to another host', () => watched.settle());
