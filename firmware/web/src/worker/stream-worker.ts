// The one stream of this browser. Pages say what they show; everything heard goes to all of them.
import { StreamClient, type StreamNews } from '../lib/stream';

interface Page {
  port: MessagePort;
  channels: string[];
  heard: number;
  series: number; // whose names it was told
}
export type ToWorker = { ask: string[] } | { retry: true } | { here: true } | { bye: true };

const FORGET = 150e3; // a page that said nothing for this long is gone: background timers tick once a minute
const pages = new Set<Page>();
const client = new StreamClient((news: StreamNews) => {
  for (const page of pages) {
    const mine = forPage(page, news);
    if (mine) page.port.postMessage(mine);
  }
}, new URL(self.location.href).origin);

// Values only for pages that show some; each with the names it was not told yet.
function forPage(page: Page, news: StreamNews): StreamNews | null {
  if (!('rows' in news) || !news.rows) return news;
  if (!page.channels.some((one) => one.startsWith('samples/'))) return news.events.length > 0 ? { ...news, rows: null } : null;
  const rows = client.packer.tell(news.rows, page.series);
  page.series = client.packer.series;
  return { ...news, rows };
}

let asking = 0;
function askSoon(): void {
  clearTimeout(asking);
  asking = setTimeout(() => client.ask([...pages].flatMap((page) => page.channels)), 30) as unknown as number;
}

function heard(page: Page, message: ToWorker): void {
  page.heard = performance.now();
  if ('bye' in message) pages.delete(page);
  if ('ask' in message) {
    page.channels = message.ask;
    // A page that asks has a session again: what was refused before it is no news.
    page.port.postMessage({ link: client.link.is === 'refused' ? { is: 'connecting' } : client.link } satisfies StreamNews);
  }
  if ('retry' in message) client.retry();
  else if (!('here' in message)) askSoon();
}

setInterval(() => {
  const before = pages.size;
  for (const page of pages) if (performance.now() - page.heard > FORGET) pages.delete(page);
  if (pages.size !== before) askSoon();
}, 30e3);

addEventListener('connect', (event) => {
  const port = (event as MessageEvent).ports[0]!;
  const page: Page = { port, channels: [], heard: performance.now(), series: 0 };
  pages.add(page);
  port.onmessage = ({ data }: MessageEvent<ToWorker>) => {
    pages.add(page);
    heard(page, data);
  };
});
