// What the page does while the gateway is away, and while its event stream is full.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, test } from 'node:test';
import { launch, signIn, Watched } from './browser.mjs';
import { findProgram, Gateway, until } from './gateway.mjs';

const AWAY = 30e3;
let box;
let browser;
let watched;

const banner = (tab) => tab.getByRole('region', { name: 'Connection' });
const tile = (tab, device) => tab.locator(`.tile[data-device="${device}"]`);
const live = (tab) => tab.locator('#stream-state', { hasText: /^Live/ }).waitFor();

before(async () => {
  box = await Gateway.start({ name: 'Far away', more: '[limits]\nclients_per_address = 3\n' });
  box.claim();
  await box.ready(box.token('read:live'));
  browser = await launch();
  watched = new Watched(browser, box);
});
after(async () => {
  await browser?.close();
  await box?.stop();
});

test('outage: 30 s without the daemon: banner, stale values, then on from the position without a gap', async () => {
  const tab = await watched.page();
  await tab.addInitScript(() => {
    delete window.SharedWorker; // the stream is opened where this test can listen in
    window.asked = [];
    window.heard = [];
    const Real = window.EventSource;
    window.EventSource = class extends Real {
      constructor(url) {
        super(url);
        window.asked.push(String(url));
        for (const kind of ['first', 'sample', 'gap']) this.addEventListener(kind, ({ data }) => window.heard.push(JSON.parse(data)));
      }
    };
  });
  await tab.goto(box.url);
  await signIn(tab);
  const pub = box.publisher('count/n');
  let sent = 0;
  const send = setInterval(() => pub.stdin.write(`${++sent}\n`), 200);
  try {
    await tile(tab, 'count').locator('.pill', { hasText: 'Online' }).waitFor();
    await live(tab);
    await until('some values', () => tab.evaluate(() => window.heard.filter((one) => one.ev === 'sample' && one.d.dev === 'count').length > 15)); // enough to know how often it speaks
    const stopped = Date.now();
    await box.halt();
    await banner(tab).getByText('The live stream is down').waitFor({ timeout: 20e3 });
    console.log(`# banner ${Date.now() - stopped} ms after the daemon was told to stop`);
    assert.ok(Date.now() - stopped <= 20e3);
    await tile(tab, 'count').locator('.pill', { hasText: /Stale|Silent/ }).waitFor();
    assert.equal(await tab.locator('.tile .pill', { hasText: 'Online' }).count(), 0, 'nothing looks fresh');
    const shown = await tile(tab, 'count').locator('.value b').first().innerText();
    await until('30 s without the daemon', () => Date.now() - stopped >= AWAY, 2 * AWAY);
    assert.equal(await tile(tab, 'count').locator('.value b').first().innerText(), shown, 'the content stays');
    await tile(tab, 'count').locator('.pill', { hasText: 'Silent' }).waitFor();
    await box.startDaemon();
    await banner(tab).waitFor({ state: 'detached' });
    await live(tab);
    await tile(tab, 'count').locator('.pill', { hasText: 'Online' }).waitFor();
  } finally {
    clearInterval(send);
    pub.stdin.end();
  }
  await until('the last value', async () => (await tile(tab, 'count').locator('.value b').first().innerText()).replace(',', '') === `${sent}`);
  const { asked, heard } = await tab.evaluate(() => ({ asked: window.asked, heard: window.heard }));
  assert.match(asked[asked.length - 1], /[?&]last_event_id=[^&]/, 'it goes on where it was');
  const samples = heard.filter((one) => one.ev === 'sample' && one.d.dev === 'count');
  const gaps = heard.filter((one) => one.ev === 'gap');
  // Repeats within 100 ms are merged into the last one, which says how many it stands for.
  const values = samples.reduce((sum, one) => sum + (one.n ?? 1), 0);
  const first = samples[0].d.v - (samples[0].n ?? 1) + 1;
  const missing = sent - first + 1 - values;
  const told = gaps.reduce((sum, one) => sum + (one.missed ?? Number.NaN), 0);
  console.log(`# ${sent - first + 1} values, ${values} heard in ${samples.length} events, gaps told: ${JSON.stringify(gaps.map((one) => [one.reason, one.missed]))}`);
  assert.equal(missing, told, 'every value came, or the page was told how many did not');
  assert.equal(await tab.locator('.gap-note').count(), gaps.length > 0 ? 1 : 0, 'and says so');
  await tab.context().close();
});

test('outage: a full event stream is said in words, tried again, and taken when there is room', async () => {
  const token = box.token('read:live');
  const full = () => spawn(findProgram('curl'), ['-sN', '-H', `Authorization: Bearer ${token}`, `${box.url}/api/v1/stream?channel=system/%23`], { stdio: ['ignore', 'pipe', 'inherit'] });
  const others = [full(), full(), full()];
  try {
    await Promise.all(others.map((one) => new Promise((done) => one.stdout.once('data', done))));
    const tab = await watched.signedIn();
    await banner(tab).getByText('Too many clients of this address').waitFor();
    await banner(tab).getByText(/Next try in \d+ s|Trying now/).waitFor();
    await tile(tab, 'count').waitFor(); // what was loaded stays readable
    others[0].kill();
    await live(tab);
    await banner(tab).waitFor({ state: 'detached' });
    box.publish('count/n', '4711');
    await tile(tab, 'count').filter({ hasText: /4,?711/ }).waitFor();
    await tab.context().close();
  } finally {
    for (const one of others) one.kill();
  }
});

test('outage: no error, no CSP violation, no request to another host', () => watched.settle());
