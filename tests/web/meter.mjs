// What a page costs and how long a value needs to its screen. CPU is counted per thread by the kernel, because a
// wall clock on a shared machine measures the neighbours.
import { readdirSync, readFileSync } from 'node:fs';
import { cpus, loadavg, setPriority } from 'node:os';

const TICK = 10; // ms: the kernel's unit in /proc

export const quantile = (list, q) => {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted.length === 0 ? Number.NaN : sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))];
};
export const three = (list) => `p50 ${Math.round(quantile(list, 0.5))} ms, p95 ${Math.round(quantile(list, 0.95))} ms, p99 ${Math.round(quantile(list, 0.99))} ms of ${list.length}`;

const fields = (path) => {
  const text = readFileSync(path, 'utf8');
  const end = text.lastIndexOf(')');
  return { name: text.slice(text.indexOf('(') + 1, end), at: text.slice(end + 2).split(' ') };
};
const spent = ({ at }) => TICK * (Number(at[11]) + Number(at[12]));
const quiet = (work, otherwise) => { // a thread may be gone
  try {
    return work();
  } catch {
    return otherwise;
  }
};

export function machine(version) {
  const all = cpus();
  return `${all.length} x ${all[0].model}, load ${loadavg()[0].toFixed(1)}, Chromium ${version}, software rendering (--disable-gpu)`;
}

// Time the whole machine was busy, ms over all cores.
const busy = () => readFileSync('/proc/stat', 'utf8').split('\n')[0].split(/ +/).slice(1).reduce((sum, n, i) => (i === 3 || i === 4 ? sum : sum + TICK * Number(n)), 0);

export class Meter {
  // others: processes beside the browser's that belong to the measurement
  static async of(tab, others) {
    const one = new Meter();
    one.tab = tab;
    one.others = [process.pid, ...others];
    one.browser = await tab.context().browser().newBrowserCDPSession();
    one.page = await tab.context().newCDPSession(tab);
    await one.page.send('Performance.enable', { timeDomain: 'threadTicks' });
    return one;
  }

  throttle(rate) { return this.page.send('Emulation.setCPUThrottlingRate', { rate }); }

  async processes() {
    const { processInfo } = await this.browser.send('SystemInfo.getProcessInfo');
    return [...processInfo.map(({ type, id }) => ({ type, id })), ...this.others.map((id) => ({ type: 'harness', id }))];
  }

  // Ours before others', where the kernel lets us: then a busy neighbour costs little. Whether it did.
  async favour() {
    let all = true;
    for (const { id } of await this.processes())
      for (const thread of quiet(() => readdirSync(`/proc/${id}/task`), []))
        all = quiet(() => (setPriority(Number(thread), -15), true), false) && all;
    return all;
  }

  async look() {
    const threads = new Map();
    let ours = 0;
    for (const { type, id } of await this.processes())
      for (const thread of quiet(() => readdirSync(`/proc/${id}/task`), [])) {
        const got = quiet(() => fields(`/proc/${id}/task/${thread}/stat`), null);
        if (!got) continue;
        ours += spent(got);
        const name = `${type} ${thread === String(id) ? 'main' : got.name}`;
        threads.set(name, (threads.get(name) ?? 0) + spent(got));
      }
    const { metrics } = await this.page.send('Performance.getMetrics');
    return { at: Date.now(), busy: busy(), ours, threads, page: Object.fromEntries(metrics.map((one) => [one.name, one.value])) };
  }

  // CPU of the page's main thread by kind and of everything else, ms per second; what others took of the machine.
  static between(from, to) {
    const s = (to.at - from.at) / 1e3;
    const page = (name) => Math.round((1e3 * (to.page[name] - from.page[name])) / s);
    const kind = (match) => Math.round([...to.threads].filter(([name]) => match.test(name)).reduce((sum, [name, ms]) => sum + ms - (from.threads.get(name) ?? 0), 0) / s);
    const others = Math.max(0, (to.busy - from.busy - (to.ours - from.ours)) / (10 * s * cpus().length));
    return {
      main: page('TaskDuration'), others, heap: to.page.JSHeapUsedSize / 1e6,
      words: `main thread ${page('TaskDuration')} ms/s (script ${page('ScriptDuration')}, style ${page('RecalcStyleDuration')}, layout ${page('LayoutDuration')}), worker ${kind(/SharedWorker/)}, compositor ${kind(/Compositor/)}, raster ${kind(/renderer ThreadPool/)}; others took ${Math.round(others)} % of the machine`,
    };
  }
}
