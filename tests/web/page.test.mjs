// The page of the real daemon in a real browser: the tasks people come for, by keyboard, and what goes wrong on the way.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, overflow, signIn, Watched } from './browser.mjs';
import { Gateway, PASSPHRASE, until } from './gateway.mjs';
import { looksLike } from './golden.mjs';

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
let box;
let browser;
let watched;
let page;

const tile = (tab, device) => tab.locator(`.tile[data-device="${device}"]`);
const live = (tab) => tab.locator('#stream-state', { hasText: /^Live/ }).waitFor();
const headline = (tab, name) => tab.getByRole('heading', { level: 1, name }).waitFor();
const focused = (tab) => tab.evaluate(() => {
  const one = document.activeElement;
  return one.getAttribute('aria-label') || one.labels?.[0]?.textContent || one.textContent || '';
});
async function tabTo(tab, name, most = 60) {
  for (let i = 0; i < most; ++i) {
    if (name.test(await focused(tab))) return;
    await tab.keyboard.press('Tab');
  }
  assert.fail(`no Tab leads to ${name}; the focus is on ${await focused(tab)}`);
}
async function go(tab, name) { // by the palette, as a keyboard goes
  await tab.keyboard.press('Control+k');
  await tab.locator('#palette').waitFor();
  await tab.keyboard.type(name);
  await tab.locator('[role=option]', { hasText: name }).first().waitFor();
  await tab.keyboard.press('Enter');
  await tab.getByRole('dialog').waitFor({ state: 'detached' });
}
const api = (tab, method, path, body, headers = {}) => tab.evaluate(([m, p, b, h]) => fetch(`/api/v1/${p}`, { method: m, headers: { 'X-Fogline': '1', 'Content-Type': 'application/json', ...h }, body: b })
  .then(async (a) => ({ status: a.status, etag: a.headers.get('ETag'), body: await a.json().catch(() => null) })), [method, path, body && JSON.stringify(body), headers]);

before(async () => {
  box = await Gateway.start({ name: 'Cold store', rules: { 'freezer-warm.toml': rule }, uplink: true });
  browser = await launch();
  watched = new Watched(browser, box);
  page = await watched.page();
});
after(async () => {
  await browser?.close();
  await box?.stop();
});

test('page: the first visitor claims the gateway with the keyboard alone', async () => {
  await page.goto(box.url);
  await headline(page, 'Claim this gateway');
  await looksLike(page.locator('body'), 'claim');
  await tabTo(page, /^Claim code/);
  await page.keyboard.type('AAAAAAAA');
  await tabTo(page, /^New passphrase/);
  await page.keyboard.type('short');
  await page.getByText('7 more characters needed').waitFor();
  await page.keyboard.press('Control+a');
  await page.keyboard.type(PASSPHRASE);
  await page.keyboard.press('Enter');
  await page.getByRole('alert').filter({ hasText: 'claim code is wrong' }).waitFor();
  await page.keyboard.press('Shift+Tab');
  await page.keyboard.press('Control+a');
  await page.keyboard.type(box.claimCode());
  await page.keyboard.press('Enter');
  await headline(page, 'Name this gateway');
  await looksLike(page.locator('main'), 'name');
  await tabTo(page, /^Go to the live values/);
  await page.keyboard.press('Enter');
  await headline(page, 'Live');
  await page.getByRole('heading', { name: 'Nothing has arrived yet' }).waitFor();
});

test('page: a claim code in the address is taken and removed', async () => {
  const other = await Gateway.start({ name: 'Other' });
  try {
    const strange = new Watched(browser, other);
    const tab = await strange.page();
    await tab.goto(`${other.url}/#claim=${other.claimCode()}`);
    await headline(tab, 'Claim this gateway');
    assert.equal(await tab.getByLabel('Claim code').inputValue(), other.claimCode());
    assert.equal(await tab.evaluate(() => location.href.includes('claim')), false);
    await tab.context().close();
    await strange.settle();
  } finally {
    await other.stop();
  }
});

test('page: a reading nobody configured appears and updates', async () => {
  await box.ready(box.token('read:live'));
  box.publish('tele/cold1/SENSOR', tasmota(20.6));
  await tile(page, 'cold1').filter({ hasText: '20.6 °C' }).filter({ hasText: 'ds18b20.temperature' }).waitFor();
  await live(page);
  box.publish('tele/cold1/SENSOR', tasmota(20.7));
  await tile(page, 'cold1').filter({ hasText: '20.7 °C' }).waitFor();
  assert.equal(await tile(page, 'cold1').count(), 1);
});

test('page: a value that stops coming goes stale and silent by itself', async () => {
  for (let i = 0; i < 12; ++i) {
    box.publish('tele/quick/SENSOR', tasmota(30 + i));
    await tile(page, 'quick').filter({ hasText: `${30 + i} °C` }).waitFor();
  }
  await page.reload(); // the box says how often it comes
  await tile(page, 'quick').locator('.pill', { hasText: 'Silent' }).waitFor();
  await tile(page, 'quick').filter({ hasText: /s ago/ }).waitFor();
  box.publish('tele/quick/SENSOR', tasmota(50));
  await tile(page, 'quick').filter({ hasText: '50 °C' }).locator('.pill', { hasText: 'Online' }).waitFor();
});

test('page: a missing value is no value, never 0', async () => {
  const token = box.token('ingest');
  const answer = await fetch(`${box.url}/api/v1/ingest/meter`, { method: 'POST', headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }, body: '{"level": null, "flow": 1.5}' });
  assert.equal(answer.status, 200);
  await tile(page, 'meter').filter({ hasText: '1.5' }).waitFor();
  const level = await tile(page, 'meter').locator('.readings li', { hasText: 'level' }).innerText();
  assert.match(level, /no value/);
  assert.doesNotMatch(level, /\b0\b/);
});

test('page: a device named like markup is text', async () => {
  const name = '<img onerror=alert(1) src=x>';
  const token = box.token('ingest', 'read:live');
  const answer = await fetch(`${box.url}/api/v1/ingest/${encodeURIComponent(name)}`, { method: 'POST', headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }, body: '{"<b>x</b>": 1}' });
  if (answer.ok) {
    await until('the device, as text', () => page.evaluate(() => [...document.querySelectorAll('.tile h3')].some((one) => one.textContent.includes('<img') || one.textContent.includes('img'))));
  } else {
    assert.equal(answer.status, 422, 'names are refused at the edge');
    box.publish('tele/<img onerror=alert(1) src=x>/SENSOR', tasmota(1));
    await until('the device, as text', () => page.evaluate(() => [...document.querySelectorAll('.tile h3')].some((one) => one.textContent.includes('img'))));
  }
  assert.equal(await page.locator('main img').count(), 0);
  assert.equal(await page.locator('main b', { hasText: /^x$/ }).count(), 0);
});

test('page: find a device with the keyboard alone', async () => {
  await go(page, 'cold1');
  await headline(page, 'cold1');
  assert.match(await page.title(), /^cold1/);
  await page.getByRole('heading', { name: 'History' }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main', 'the focus is on the new page');
  await page.locator('.plot canvas').waitFor();
  await looksLike(page.locator('main'), 'device');
});

test('page: a rule made with the keyboard raises an alarm', async () => {
  await go(page, 'New rule');
  await headline(page, 'New rule');
  const type = async (label, text) => {
    await tabTo(page, label);
    await page.keyboard.press('Control+a');
    await page.keyboard.type(text);
  };
  await type(/^Name$/, 'Cold room warm');
  await type(/^Device$/, 'cold1');
  await page.keyboard.press('Escape'); // the list of known names
  await type(/^Point$/, 'ds18b20.temperature');
  await page.keyboard.press('Escape');
  await page.locator('.with-unit', { has: page.getByLabel('Above', { exact: true }) }).filter({ hasText: '°C' }).waitFor();
  await type(/^Above$/, '25');
  await type(/^Hysteresis$/, '40x');
  await page.locator('#hysteresis-fault').waitFor();
  assert.equal(await page.getByLabel('Hysteresis').getAttribute('aria-describedby'), 'hysteresis-hint hysteresis-fault');
  await page.keyboard.press('Control+a');
  await page.keyboard.type('1');
  await page.getByText('This rule is valid.').waitFor();
  await looksLike(page.locator('.editor > div').first(), 'rule');
  await tabTo(page, /^Review and save/);
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'What will be written' });
  await dialog.getByText('H = "25 Cel"').waitFor();
  await looksLike(dialog, 'rule-review');
  await tabTo(page, /^Save$/);
  await page.keyboard.press('Enter');
  await headline(page, 'Rule: Cold room warm');
  box.publish('tele/cold1/SENSOR', tasmota(31.5));
  await page.getByRole('region', { name: 'Status' }).getByText('1 high').waitFor();
});

test('page: an alarm is acknowledged with the keyboard alone, with a note', async () => {
  await go(page, 'Alarms');
  await headline(page, 'Alarms');
  const alarm = page.locator('.alarm', { hasText: 'cold1' });
  await alarm.filter({ hasText: 'Active, not acknowledged' }).waitFor();
  await looksLike(page.locator('main'), 'alarms');
  await page.keyboard.press('j');
  await page.keyboard.press('a');
  await page.getByLabel('Note (optional)').waitFor();
  await looksLike(page.getByRole('dialog'), 'acknowledge');
  await page.keyboard.type('door was open');
  await page.keyboard.press('Enter');
  await alarm.filter({ hasText: 'Active, acknowledged' }).filter({ hasText: 'door was open' }).waitFor();
  box.publish('tele/cold1/SENSOR', tasmota(20));
  await alarm.waitFor({ state: 'detached' });
});

test('page: the backlog is read with the keyboard alone, and the ledger adds up', async () => {
  await go(page, 'Cloud');
  await headline(page, 'Cloud');
  await page.locator('.pill', { hasText: 'Up' }).waitFor();
  await page.locator('.equation').filter({ hasText: /^[1-9][\d,]* accepted = .*difference 0$/ }).waitFor();
  await tabTo(page, /^Pause cloud/);
  await page.keyboard.press('Enter');
  await page.locator('.pill', { hasText: 'Paused' }).waitFor();
  for (let i = 0; i < 5; ++i) box.publish('tele/cold1/SENSOR', tasmota(10 + i));
  await page.getByText(/^[1-9]\d* records waiting$/).waitFor();
  await looksLike(page.locator('main'), 'cloud');
  await page.locator('.equation').filter({ hasText: /difference 0$/ }).waitFor();
  await tabTo(page, /^Resume cloud/);
  await page.keyboard.press('Enter');
  await page.locator('.pill', { hasText: 'Up' }).waitFor();
});

test('page: the text of a rule shows its faults with line and column', async () => {
  await page.goto(`${box.url}/#/rules/cold-room-warm`);
  await page.getByRole('button', { name: 'Text' }).click();
  const text = page.getByLabel('Rule as TOML');
  const good = await text.inputValue();
  await text.fill(good.replace('op = "threshold"', 'op = threshold'));
  await page.locator('#toml-faults').getByText(/Line \d+, column 6/).waitFor();
  await text.fill(good.replace('"threshold"', '"treshold"'));
  await page.locator('#toml-faults').getByText(/treshold/).waitFor();
  await text.fill(good.replace('25 Cel', '26 Cel'));
  await page.getByRole('button', { name: 'Form' }).click();
  assert.equal(await page.getByLabel('Above', { exact: true }).inputValue(), '26');
});

test('page: a limit is moved on the chart by keys and by the pointer', async () => {
  for (let i = 0; i < 4; ++i) box.publish('tele/cold1/SENSOR', tasmota(20 + 2 * i));
  await page.reload();
  const line = page.getByRole('slider', { name: 'Limit: Above' });
  await line.focus();
  const field = page.getByLabel('Above', { exact: true });
  const before = Number(await field.inputValue());
  await page.keyboard.press('ArrowUp');
  const step = Number(await field.inputValue()) - before;
  assert.ok(step > 0, 'up is more');
  await page.keyboard.press('Shift+ArrowDown');
  assert.ok(Math.abs(Number(await field.inputValue()) - (before - 9 * step)) < step / 2, 'Shift moves ten steps');
  assert.match(await line.getAttribute('aria-valuetext'), /°C$/);
  const { x, y, height } = await line.boundingBox();
  const kept = Number(await field.inputValue());
  await page.mouse.move(x + 50, y + height / 2);
  await page.mouse.down();
  await page.mouse.move(x + 50, y + height / 2 + 40, { steps: 4 });
  await page.mouse.up();
  await until('a lower limit', async () => Number(await field.inputValue()) < kept);
  await page.getByText('This rule is valid.').waitFor();
  await page.reload();
  await field.waitFor();
  await field.fill('26');
});

test('page: history as chart, as table, by keys', async () => {
  const at = page.url();
  await page.goto(`${box.url}/#/devices/cold1?range=5m`);
  const chart = page.locator('.plot');
  await page.locator('.plot canvas').waitFor();
  await page.locator('.limit', { hasText: 'Cold room warm:' }).waitFor(); // the limit of the rule, named
  await chart.focus();
  await page.keyboard.press('+');
  await until('a narrower range in the address', () => /from=\d+&to=\d+/.test(page.url()) || /to=\d+/.test(page.url()));
  await page.keyboard.press('Home');
  await until('the whole range', () => !/[?&]to=\d/.test(page.url()));
  await page.getByRole('button', { name: 'As table' }).click();
  const rows = page.getByRole('region', { name: /^History of/ }).locator('tbody tr');
  await rows.first().waitFor();
  assert.doesNotMatch(await rows.allInnerTexts().then((all) => all.join('\n')), /NaN|null|undefined/);
  await page.goto(at);
  await page.getByLabel('Above', { exact: true }).fill('26');
});

test('page: who saves second compares three ways, and the file holds what was confirmed', async () => {
  const seen = await api(page, 'GET', 'rules/cold-room-warm');
  const theirs = { ...seen.body.rule, condition: { ...seen.body.rule.condition, H: '27 Cel' } };
  assert.equal((await api(page, 'PUT', 'rules/cold-room-warm', theirs, { 'If-Match': seen.etag })).status, 200);
  await page.getByRole('button', { name: 'Review and save' }).click();
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  const dialog = page.getByRole('dialog', { name: 'Somebody else saved this rule meanwhile' });
  await dialog.getByRole('region', { name: /^Yours/ }).last().getByText('26 Cel').waitFor();
  await dialog.getByRole('region', { name: /^Theirs/ }).last().getByText('27 Cel').waitFor();
  await dialog.getByRole('region', { name: /^Base/ }).last().getByText('25 Cel').waitFor();
  assert.equal((await api(page, 'GET', 'rules/cold-room-warm')).body.rule.condition.H, '27 Cel', 'nothing was overwritten');
  await dialog.getByRole('button', { name: 'Write mine' }).click();
  await dialog.waitFor({ state: 'detached' });
  await until('the confirmed rule', async () => (await api(page, 'GET', 'rules/cold-room-warm')).body.rule.condition.H === '26 Cel');
});

test('page: a rule of a file is shown and not edited', async () => {
  await page.goto(`${box.url}/#/rules/freezer-warm`);
  await page.getByText('rules.d/freezer-warm.toml').first().waitFor();
  assert.equal(await page.getByRole('button', { name: 'Review and save' }).count(), 0);
  assert.equal(await page.getByLabel('Above', { exact: true }).isDisabled(), true);
});

test('page: a device of 5,000 values stays usable', async () => {
  const token = box.token('ingest', 'read:live');
  const rows = Array.from({ length: 100 }, (_, row) => Object.fromEntries(Array.from({ length: 50 }, (__, i) => [`point_${row * 50 + i}`, i / 10])));
  const answer = await fetch(`${box.url}/api/v1/ingest/huge`, { method: 'POST', headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }, body: JSON.stringify(rows) });
  assert.equal(answer.status, 200, await answer.text());
  await page.goto(`${box.url}/#/devices/huge`);
  await headline(page, 'huge');
  const device = (await api(page, 'GET', 'devices/huge')).body;
  console.log(`# the gateway keeps ${device.points.length} values of one device; the page gets 5,000`);
  const points = Array.from({ length: 5000 }, (_, i) => ({ ...device.points[0], pt: `point_${i}` }));
  await page.route(/api\/v1\/devices\/huge$/, (route) => route.fulfill({ json: { ...device, points } }));
  await page.reload();
  await headline(page, 'huge');
  await page.locator('.values li').first().waitFor();
  assert.ok(await page.locator('.values li').count() <= 50, 'only what is looked at is drawn');
  await page.getByLabel('Filter values').fill(points[points.length - 1].pt);
  await page.locator('.values li', { hasText: points[points.length - 1].pt }).waitFor();
  await page.unroute(/api\/v1\/devices\/huge$/);
  await page.goto(`${box.url}/#/live`);
  await tile(page, 'huge').waitFor();
  assert.ok(await tile(page, 'huge').locator('.readings li').count() <= 4);
});

test('page: it says so when the gateway is gone, and goes on when it is back', async () => {
  await page.goto(`${box.url}/#/live`);
  await live(page);
  await tile(page, 'cold1').filter({ hasText: '°C' }).waitFor();
  await box.kill();
  await page.getByRole('region', { name: 'Connection' }).getByText('The live stream is down').waitFor();
  await page.getByText(/Next try in \d+ s|Trying now/).waitFor();
  assert.equal(await tile(page, 'cold1').locator('.pill', { hasText: 'Online' }).count(), 0, 'nothing is fresh');
  await tile(page, 'cold1').filter({ hasText: '°C' }).waitFor(); // the content stays
  await box.startDaemon();
  await page.getByRole('region', { name: 'Connection' }).waitFor({ state: 'detached' });
  await live(page);
  await until('a value over the new connection', async () => {
    box.publish('tele/cold1/SENSOR', tasmota(11.5));
    return tile(page, 'cold1').filter({ hasText: '11.5 °C' }).count();
  });
  assert.equal(await tile(page, 'cold1').count(), 1);
});

test('page: without a gateway the page says what to do, and comes up with it', async () => {
  const tab = await watched.page();
  await tab.goto(box.url);
  await headline(tab, 'Sign in');
  await tab.context().route(/api\/v1\/claim/, (route) => route.abort());
  await tab.reload();
  await headline(tab, 'The gateway does not answer');
  await tab.getByText('tries again by itself').waitFor();
  await tab.context().unroute(/api\/v1\/claim/);
  await headline(tab, 'Sign in');
  await tab.context().close();
});

test('page: an ended session asks to sign in and stays where it was', async () => {
  await page.goto(`${box.url}/#/devices/cold1`);
  await headline(page, 'cold1');
  await api(page, 'DELETE', 'session');
  await headline(page, 'Sign in');
  await page.getByText('Your session has ended').waitFor();
  await page.getByLabel('Passphrase').fill('not the passphrase');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').filter({ hasText: /passphrase/i }).waitFor();
  await signIn(page);
  await headline(page, 'cold1');
  await live(page);
});

test('page: one stream for seven tabs; without a shared worker one per visible tab', async () => {
  const clients = async (tab) => (await api(tab, 'GET', 'push/clients')).body.items.length;
  const { length: before } = (await api(page, 'GET', 'push/clients')).body.items;
  const tab = await watched.signedIn();
  const more = await Promise.all(Array.from({ length: 6 }, async () => {
    const one = await tab.context().newPage();
    await one.goto(`${box.url}/#/live`);
    return one;
  }));
  for (const one of [tab, ...more]) await live(one);
  assert.equal(await clients(page), before + 1);
  await tab.context().close();
  const alone = await watched.page();
  await alone.addInitScript(() => { delete window.SharedWorker; });
  await alone.goto(box.url);
  await signIn(alone);
  await live(alone);
  box.publish('tele/cold1/SENSOR', tasmota(12.25));
  await tile(alone, 'cold1').filter({ hasText: '12.25 °C' }).waitFor();
  await alone.context().close();
});

test('page: sensor to painted, printed at 1 and 4 times CPU throttle', async () => {
  const tab = await watched.signedIn();
  await live(tab);
  const pub = box.publisher('tele/cold1/SENSOR');
  const cdp = await tab.context().newCDPSession(tab);
  for (const rate of [1, 4]) {
    await cdp.send('Emulation.setCPUThrottlingRate', { rate });
    const times = [];
    for (let i = 0; i < 40; ++i) {
      const value = `${100 + rate * 100 + i}`;
      const painted = tab.evaluate((wanted) => new Promise((done) => {
        const look = () => {
          const found = [...document.querySelectorAll('.tile[data-device="cold1"] .value b')].some((one) => one.textContent === wanted);
          if (found) requestAnimationFrame(() => setTimeout(() => done(Date.now())));
        };
        new MutationObserver(look).observe(document.querySelector('.tiles'), { subtree: true, childList: true, characterData: true });
        look();
      }), value);
      // A sensor's pace: what comes within 100 ms of the value before is held back on purpose (min_interval).
      await new Promise((done) => setTimeout(done, 300 + (i * 37) % 100));
      const sent = Date.now();
      pub.stdin.write(`${tasmota(value)}\n`);
      times.push((await painted) - sent);
    }
    times.sort((a, b) => a - b);
    console.log(`# publish -> painted, ${rate} x throttle: p50 ${times[19]} ms, p95 ${times[37]} ms, max ${times[39]} ms`);
  }
  pub.stdin.end();
  await tab.context().close();
});

test('page: the simulator is switched from the page', { skip: Gateway.switches ? false : 'this gateway has no simulator switches' }, async () => {
  await box.simulate({ count: 2 });
  await page.goto(`${box.url}/#/simulator`);
  await page.reload();
  await page.getByRole('heading', { name: 'Break something' }).waitFor();
  await page.getByText('Cold store').first().waitFor();
  const where = page.getByLabel('Where');
  const device = await where.locator('option', { hasText: /freezer-1/ }).first().getAttribute('value');
  await where.selectOption(device);
  await page.getByRole('button', { name: 'Start the fault' }).click();
  const stop = page.getByRole('button', { name: /^Stop .*freezer-1/ });
  await stop.waitFor();
  await stop.click();
  await page.getByText('No fault is active.').waitFor();
  await page.getByRole('button', { name: 'Pause', exact: true }).click();
  await page.getByRole('button', { name: 'Resume', exact: true }).click();
  await page.getByRole('button', { name: 'Pause', exact: true }).waitFor();
  await box.stopSimulation();
});

test('page: nothing is wider than a phone while alarms and devices are there', async () => {
  await page.setViewportSize({ width: 320, height: 700 });
  for (const route of ['live', 'devices', 'alarms', 'devices/huge']) {
    await page.goto(`${box.url}/#/${route}`);
    await page.locator('main h1').waitFor();
    assert.equal(await overflow(page), '', route);
  }
});

test('page: no CSP violation, no error, no request to another host', async () => {
  await watched.settle();
  const { headers } = await fetch(box.url);
  assert.match(headers.get('content-security-policy'), /default-src 'none'/);
  assert.equal((await page.context().cookies())[0].httpOnly, true);
});
