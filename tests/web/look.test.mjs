// Every page at four widths, light and dark: axe, no sideways scrolling, no CSP violation. FOG_SCREENSHOTS=1 keeps pictures.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { axeFindings, launch, overflow, Watched } from './browser.mjs';
import { Gateway, until } from './gateway.mjs';

const shots = process.env.FOG_SCREENSHOTS ? join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'firmware', 'web', 'screenshots') : '';
const rule = `title = "Freezer too warm"
bind = { device = "freezer-*" }
inputs.t = { point = "{device}/temp", max_age = "5 min" }

[condition]
op = "threshold"
in = "t"
H = "-15 Cel"
hysteresis = "1 K"
for = "1 s"

[[action]]
type = "alarm"
severity = "high"
text = "{title}: {t}"
`;
const PAGES = {
  live: ['#/live', (tab) => tab.locator('.tile').first()],
  devices: ['#/devices', async (tab) => {
    await tab.locator('tbody tr').first().waitFor();
    return tab.locator('.tray [data-device]').first();
  }],
  'devices-ignored': ['#/devices?show=ignored', (tab) => tab.locator('tbody tr').first()],
  device: ['#/devices/freezer-9?range=5m', (tab) => tab.locator('.alarm-band').first()],
  'device-table': ['#/devices/freezer-3?range=5m&table=1', (tab) => tab.getByRole('heading', { name: 'History' })],
  rules: ['#/rules', (tab) => tab.locator('.rule').first()],
  rule: ['#/rules/too-warm', (tab) => tab.getByRole('textbox', { name: 'Name' })],
  'rule-new': ['#/rules/new?device=freezer-3&point=temp', async (tab) => {
    await tab.getByLabel('Above', { exact: true }).fill('-19.5');
    await tab.getByLabel('Name', { exact: true }).fill('Freezer 3 too warm');
    await tab.getByLabel('Hysteresis').fill('0.5');
    await tab.locator('.limit').waitFor();
    await tab.getByText('This rule is valid.').waitFor();
  }],
  alarms: ['#/alarms', (tab) => tab.locator('.alarm').first()],
  'alarms-history': ['#/alarms?view=history', (tab) => tab.locator('tbody tr').first()],
  cloud: ['#/cloud', (tab) => tab.locator('.equation').first()],
  push: ['#/push', (tab) => tab.locator('tbody tr').first()],
  simulator: ['#/simulator', (tab) => tab.locator('main section').first()],
  more: ['#/more', (tab) => tab.getByRole('heading', { name: 'About' })],
  welcome: ['#/welcome', (tab) => tab.getByRole('heading', { name: 'What is arriving' })],
  missing: ['#/nowhere', (tab) => tab.getByText('The address leads nowhere')],
};
const SMALL = new Set(['live', 'devices', 'device', 'alarms', 'rule-new', 'cloud']);
const LEFT_OUT = new Set(['missing', 'device-table', 'devices-ignored', 'rule', 'keys', 'login']);
let box;
let browser;
let watched;
let tab;

async function matrix(page, name) {
  for (const width of [320, 360, 768, 1280]) {
    for (const colorScheme of ['light', 'dark']) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme });
      const where = `${name} at ${width} px, ${colorScheme}`;
      assert.deepEqual(await axeFindings(page), [], where);
      assert.equal(await overflow(page), '', where);
      if (shots && (width === 320 ? colorScheme === 'dark' && SMALL.has(name) : width === 1280 && colorScheme === 'light' && !LEFT_OUT.has(name)))
        await page.screenshot({ path: join(shots, `${name}-${width}-${colorScheme}.png`) });
    }
  }
  assert.deepEqual(await page.evaluate(() => window.cspFaults), [], name);
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.emulateMedia({ colorScheme: 'light' });
}

before(async () => {
  if (shots) mkdirSync(shots, { recursive: true });
  box = await Gateway.start({ name: 'Cold store', rules: { 'freezer-warm.toml': rule }, uplink: true });
  browser = await launch();
  watched = new Watched(browser, box);
});
after(async () => {
  await browser?.close();
  await box?.stop();
});

test('look: claim and sign in', async () => {
  tab = await watched.page();
  await tab.goto(box.url);
  await tab.getByRole('heading', { name: 'Claim this gateway' }).waitFor();
  await matrix(tab, 'claim');
  box.claim();
  await tab.reload();
  await tab.getByRole('heading', { name: 'Sign in' }).waitFor();
  await matrix(tab, 'login');
  await tab.context().close();
});

test('look: every page', async (t) => {
  await box.ready(box.token('read:live'));
  await box.simulate({ count: 8, interval: '1 s', extra: '[[device]]\nid = "freezer-9"\npersonality = "mqtt.json"\ninterval = "1 s"\nlink = { prefix = "sim", qos = 1 }\n' +
    'point.temp = { unit = "Cel", signal = { constant = -9.5 }, sensor = { noise = 0.1, quantum = 0.1 } }\n' });
  tab = await watched.signedIn();
  await until('an alarm', async () => (await tab.evaluate(() => fetch('/api/v1/alarms').then((a) => a.json()))).items.length > 0);
  await tab.evaluate((body) => fetch('/api/v1/rules/too-warm', { method: 'PUT', headers: { 'X-Fogline': '1', 'Content-Type': 'application/json', 'If-None-Match': '*' }, body }).then((a) => a.status), JSON.stringify({
    title: 'Far too warm', bind: { device: 'freezer-3' }, inputs: { t: { point: '{device}/temp', max_age: '5 min' } }, condition: { op: 'threshold', in: 't', H: '-12 Cel', hysteresis: '1 K' }, action: [{ type: 'alarm', severity: 'critical', text: '{title}: {t}' }] }));
  // Two newcomers: one waits, one is ignored.
  const put = (path, method, body, etag) => tab.evaluate(([p, m, b, e]) => fetch(`/api/v1/${p}`, { method: m, headers: { 'X-Fogline': '1', 'Content-Type': 'application/json', ...(e ? { 'If-Match': e } : {}) }, body: b }).then((a) => a.status), [path, method, body && JSON.stringify(body), etag]);
  const etag = await tab.evaluate(() => fetch('/api/v1/registry').then((a) => a.headers.get('ETag')));
  assert.equal(await put('registry', 'PUT', { new: { generic: 'ask' } }, etag), 200);
  for (const one of ['tele/greenhouse/SENSOR', 'noise/one']) box.publish(one, '{"DS18B20":{"Temperature":21.5},"humidity":48}');
  await until('the newcomers', async () => (await tab.evaluate(() => fetch('/api/v1/devices?show=new').then((a) => a.json()))).total === 2);
  assert.equal(await put('devices/noise-one/ignore', 'POST'), 200);
  for (const [name, [hash, ready]] of Object.entries(PAGES))
    await t.test(name, async () => {
      await tab.goto(`${box.url}/${hash}`);
      const shown = await ready(tab);
      await shown?.waitFor();
      await tab.waitForFunction(() => !document.querySelector('main')?.textContent.includes('Checking…'));
      await matrix(tab, name);
    });
});

test('look: dialogs, palette and keys', async () => {
  await tab.goto(`${box.url}/#/alarms`);
  await tab.getByRole('button', { name: /^Acknowledge/ }).first().click();
  await tab.getByRole('dialog').waitFor();
  await matrix(tab, 'acknowledge');
  await tab.keyboard.press('Escape');
  await tab.keyboard.press('Control+k');
  await tab.locator('[role=option]').first().waitFor();
  await matrix(tab, 'palette');
  await tab.keyboard.press('Escape');
  await tab.keyboard.press('?');
  await tab.getByRole('dialog', { name: 'Keys' }).waitFor();
  await matrix(tab, 'keys');
  await tab.keyboard.press('Escape');
});

test('look: the gate finds planted faults', async () => {
  const bad = await watched.signedIn();
  await bad.locator('.tile').first().waitFor();
  await bad.evaluate(() => {
    const main = document.querySelector('main');
    const image = document.createElement('img');
    image.src = 'data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=';
    const button = document.createElement('button');
    const grey = document.createElement('p');
    grey.textContent = 'hard to read';
    grey.style.color = '#ccc';
    grey.style.backgroundColor = '#fff';
    const wide = document.createElement('div');
    wide.style.width = '5000px';
    wide.textContent = 'wide';
    main.append(image, button, grey, wide);
  });
  const rules = new Set((await axeFindings(bad)).map((one) => one.rule));
  for (const rule of ['image-alt', 'button-name', 'color-contrast']) assert.ok(rules.has(rule), `${rule} in ${[...rules]}`);
  assert.notEqual(await overflow(bad), '');
  await bad.context().close();
});

test('look: no error, no CSP violation, no request to another host', () => watched.settle());
