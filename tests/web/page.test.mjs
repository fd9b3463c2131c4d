// The page of the real daemon in a real browser: claim, sign in, live, stale, alarms, uplinks, axe, CSP.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { findProgram, Gateway, PASSPHRASE, until } from './gateway.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const shots = process.env.FOG_SHOTS || join(tmpdir(), 'fog-web-shots');
const rule = `title = "Freezer too warm"
bind = { device = "freezer-*" }
inputs.t = { point = "{device}/ds18b20.temperature", max_age = "10 min" }
[condition]
op = "threshold"
in = "t"
H = "-15 Cel"
hysteresis = "1 K"
[[action]]
type = "alarm"
severity = "high"
text = "{title}: {t}"
`;
const tasmota = (degrees) => `{"Time":"2026-11-21T10:13:52","DS18B20":{"Temperature":${degrees}},"TempUnit":"C"}`;
const wait = { timeout: 60e3 };

let box;
let browser;
let context;
let page;
const faults = []; // console errors, exceptions, CSP violations
const strangers = []; // requests to other hosts

function watch(one) {
  one.setDefaultTimeout(wait.timeout);
  one.on('request', (request) => {
    const { protocol, host } = new URL(request.url());
    if (protocol !== 'data:' && host !== `127.0.0.1:${box.port}`) strangers.push(request.url());
  });
  one.on('page', (tab) => {
    tab.on('pageerror', (error) => faults.push(`exception: ${error.message}`));
    // The browser itself reports a refused answer (401 before signing in) as an error: that one is meant.
    tab.on('console', (m) => {
      const refused = /Failed to load resource: .* 40[13]|ERR_CONNECTION_REFUSED/.test(m.text());
      if (m.type() === 'error' && !refused) faults.push(`console: ${m.text()}`);
    });
  });
  return one.addInitScript(() => {
    window.cspFaults = [];
    document.addEventListener('securitypolicyviolation', (e) => window.cspFaults.push(`${e.violatedDirective} ${e.blockedURI}`));
  });
}

async function newPage() {
  const one = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  await watch(one);
  return one.newPage();
}

const row = (tab, device) => tab.locator('#values tbody tr', { hasText: device });

async function signIn(tab, passphrase) {
  await tab.goto(box.url);
  await tab.getByLabel('Passphrase').fill(passphrase);
  await tab.getByRole('button', { name: 'Continue' }).click();
}

// Every width and colour scheme in which people see this state of the page.
async function audit(tab, name) {
  await tab.evaluate(axe);
  for (const width of [320, 1280]) {
    for (const colorScheme of ['light', 'dark']) {
      await tab.setViewportSize({ width, height: 900 });
      await tab.emulateMedia({ colorScheme });
      // Colours are all that a scheme changes.
      const { violations, passes } = await tab.evaluate((only) => window.axe.run(document,
        { resultTypes: ['violations'], ...(only ? { runOnly: only } : {}) }), colorScheme === 'dark' ? ['cat.color'] : null);
      const told = violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`);
      assert.deepEqual(told, [], `${name} at ${width} px, ${colorScheme}`);
      assert.ok(passes.length > 0, 'axe looked at something');
      const wide = await tab.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= width, `${name}: ${wide} px wide on a screen of ${width}`);
    }
    await tab.screenshot({ path: join(shots, `${name}-${width}.png`) });
  }
  await tab.setViewportSize({ width: 1280, height: 900 });
  await tab.emulateMedia({ colorScheme: 'light' });
  assert.deepEqual(await tab.evaluate(() => window.cspFaults), []);
}

before(async () => {
  mkdirSync(shots, { recursive: true });
  box = await Gateway.start({ name: 'Cold store', rules: { 'freezer-warm.toml': rule }, uplink: true });
  browser = await chromium.launch({
    executablePath: findProgram('chromium'),
    timeout: 60e3,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });
  page = await newPage();
  context = page.context();
});
after(async () => {
  await browser?.close();
  await box?.stop();
});

test('page: the first visitor claims the gateway with its code', async () => {
  await page.goto(box.url);
  await page.getByRole('heading', { name: 'Claim this gateway' }).waitFor();
  await audit(page, 'claim');
  await page.getByLabel('Passphrase').fill(PASSPHRASE);
  await page.getByLabel('Claim code').fill('AAAAAAAA');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('alert').filter({ hasText: 'claim code is wrong' }).waitFor();
  await page.getByLabel('Claim code').fill(box.claimCode());
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('status').filter({ hasText: /^live$/ }).waitFor();
  assert.equal(await page.locator('#enter').isVisible(), false);
  assert.match(await page.getByRole('heading', { level: 1 }).innerText(), /Cold store/);
  await page.getByText('Nothing has arrived yet').waitFor();
  await page.getByText('No alarm is active').waitFor();
});

test('page: a reading nobody configured appears and updates', async () => {
  await box.ready(box.token('read:live'));
  box.publish('tele/cold1/SENSOR', tasmota(20.6));
  await row(page, 'cold1').filter({ hasText: '20.6 °C' }).filter({ hasText: 'ds18b20.temperature' }).waitFor();
  box.publish('tele/cold1/SENSOR', tasmota(20.7));
  await row(page, 'cold1').filter({ hasText: '20.7 °C' }).waitFor();
  assert.equal(await row(page, 'cold1').count(), 1);
});

test('page: a value that stops coming goes stale by itself', async () => {
  for (let i = 0; i < 12; ++i) {
    box.publish('tele/quick/SENSOR', tasmota(30 + i));
    await row(page, 'quick').filter({ hasText: `${30 + i} °C` }).waitFor();
  }
  assert.equal(await page.locator('#values tr.stale', { hasText: 'quick' }).count(), 0);
  await page.locator('#values tr.stale', { hasText: 'quick' }).waitFor(wait);
  box.publish('tele/quick/SENSOR', tasmota(50));
  await page.locator('#values tr:not(.stale)', { hasText: '50 °C' }).waitFor();
});

test('page: an alarm appears and is acknowledged with the keyboard alone', async () => {
  box.publish('tele/freezer-1/SENSOR', tasmota(-20));
  await row(page, 'freezer-1').waitFor();
  box.publish('tele/freezer-1/SENSOR', tasmota(-9));
  const alarm = page.locator('#alarms li', { hasText: 'freezer-1' });
  await alarm.filter({ hasText: 'Freezer too warm' }).filter({ hasText: 'active-unack' }).waitFor();
  const focused = () => page.evaluate(() => document.activeElement.getAttribute('aria-label') || '');
  const tabTo = async (name) => {
    for (let i = 0; i < 20 && !(await focused()).includes(name); ++i) await page.keyboard.press('Tab');
    assert.match(await focused(), new RegExp(`^Acknowledge.*${name}`));
  };
  await tabTo('freezer-1');
  // Another alarm must not take the focus away from who is about to press Enter.
  box.publish('tele/freezer-0/SENSOR', tasmota(-8));
  await page.locator('#alarms li', { hasText: 'freezer-0' }).waitFor();
  assert.match(await focused(), /freezer-1/);
  await audit(page, 'live');
  await page.keyboard.press('Enter');
  await alarm.filter({ hasText: 'active-ack' }).waitFor();
  assert.equal(await alarm.getByRole('button').count(), 0);
  box.publish('tele/freezer-1/SENSOR', tasmota(-20));
  await alarm.waitFor({ state: 'detached' });
  await page.locator('#alarms li', { hasText: 'freezer-0' }).waitFor();
});

test('page: the uplink says its state, and what the cloud acknowledged', async () => {
  const uplink = page.locator('#uplinks tbody tr');
  await uplink.filter({ hasText: 'cloud' }).filter({ hasText: /streaming/ }).waitFor();
  await until('acknowledged records', async () => {
    const [, done] = /(\d+) of \d+/.exec(await uplink.innerText()) || [];
    return Number(done) > 10;
  });
});

test('page: it says so when the gateway is gone, and goes on when it is back', async () => {
  await box.kill();
  await page.getByRole('status').filter({ hasText: 'reconnecting' }).waitFor();
  await box.startDaemon();
  await page.getByRole('status').filter({ hasText: /^live$/ }).waitFor();
  await until('a value over the new connection', async () => {
    box.publish('tele/cold1/SENSOR', tasmota(11.5));
    return row(page, 'cold1').filter({ hasText: '11.5 °C' }).count();
  });
  assert.equal(await row(page, 'cold1').count(), 1);
});

test('page: the second visitor signs in; a wrong passphrase is refused', async () => {
  const other = await newPage();
  await signIn(other, 'not the passphrase');
  await until('a refusal', async () => (await other.getByRole('alert').innerText()).length > 5);
  assert.deepEqual(await other.evaluate(() => window.cspFaults), []);
  await signIn(other, PASSPHRASE);
  await other.getByRole('status').filter({ hasText: /^live$/ }).waitFor();
  await row(other, 'cold1').filter({ hasText: '11.5 °C' }).waitFor();
  await other.context().close();
});

test('page: no CSP violation, no error, no request to another host', async () => {
  assert.deepEqual(await page.evaluate(() => window.cspFaults), []);
  assert.deepEqual(faults, []);
  assert.deepEqual(strangers, []);
  const { headers } = await fetch(box.url);
  assert.match(headers.get('content-security-policy'), /default-src 'none'/);
  assert.equal((await context.cookies())[0].httpOnly, true);
});
