// Many devices on a slow computer. Times are printed, not asserted: machines differ. Counts are asserted.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, Watched } from './browser.mjs';
import { Gateway } from './gateway.mjs';

let box;
let browser;
let watched;

before(async () => {
  box = await Gateway.start({ name: 'Load' });
  box.claim();
  await box.ready(box.token('read:live'));
  browser = await launch();
  watched = new Watched(browser, box);
});
after(async () => {
  await browser?.close();
  await box?.stop();
});

const throttle = async (tab, rate) => (await tab.context().newCDPSession(tab)).send('Emulation.setCPUThrottlingRate', { rate });
const frames = (tab, ms) => tab.evaluate((time) => new Promise((done) => {
  const start = performance.now();
  let n = 0;
  const turn = () => {
    ++n;
    if (performance.now() - start < time) requestAnimationFrame(turn);
    else done(Math.round((1000 * n) / (performance.now() - start)));
  };
  requestAnimationFrame(turn);
}), ms);

test('load: 50 devices: first tiles within six requests', async () => {
  await box.simulate({ count: 50, interval: '1 s' });
  const tab = await watched.signedIn();
  await tab.locator('.tile').nth(49).waitFor();
  for (const rate of [1, 6]) {
    await throttle(tab, rate);
    const asked = [];
    let counting = true;
    const count = (request) => { if (counting) asked.push(new URL(request.url()).pathname); };
    tab.context().on('request', count);
    await tab.addInitScript(() => {
      new MutationObserver((_, watch) => {
        if (!document.querySelector('.tile')) return;
        watch.disconnect();
        window.firstTiles = performance.now();
      }).observe(document, { subtree: true, childList: true });
    });
    await tab.reload({ waitUntil: 'commit' });
    await tab.waitForFunction(() => window.firstTiles);
    counting = false;
    tab.context().off('request', count);
    const before = await tab.evaluate((at) => performance.getEntriesByType('resource').filter((one) => one.startTime < at && !one.name.endsWith('.svg')).length + 1, await tab.evaluate(() => window.firstTiles));
    console.log(`# 50 devices, ${rate} x throttle: first tiles after ${Math.round(await tab.evaluate(() => window.firstTiles))} ms, ${before} requests`);
    assert.ok(before <= 6, `${before}: ${asked.join(' ')}`);
  }
  const answer = await tab.evaluate(() => fetch('/api/v1/devices?limit=50&points=1&spark=1').then(async (a) => ({ bytes: (await a.arrayBuffer()).byteLength, gz: a.headers.get('content-encoding') })));
  console.log(`# 50 devices with sparklines: ${answer.bytes} bytes, ${answer.gz ?? 'plain'}`);
  await tab.context().close();
  await box.stopSimulation();
});

test('load: 50 devices at 500 messages, 1,000 values a second', async () => {
  await box.simulate({ count: 50, interval: '100 ms' }); // two values each
  const tab = await watched.signedIn();
  await tab.locator('.tile').nth(49).waitFor();
  for (const rate of [1, 4]) {
    await throttle(tab, rate);
    console.log(`# 1,000 values a second, 50 tiles, ${rate} x throttle: ${await frames(tab, 5000)} frames a second`);
  }
  await throttle(tab, 1);
  const heap = await tab.evaluate(() => Math.round((performance.memory?.usedJSHeapSize ?? 0) / 1e6));
  console.log(`# heap ${heap} MB`);
  await tab.context().close();
});

test('load: no error, no CSP violation, no request to another host', () => watched.settle());
