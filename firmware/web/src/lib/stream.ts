// One stream per browser: the client that runs in the shared worker, or in the page where there is none.
// Samples, which are nearly everything, leave as columns (rows.ts); the rest as it came.
// It owns its retries (EventSource gives up after an answer that is no stream) and resumes from the last position.
import type { Sample } from '../api/shapes';
import { Packer, type Rows } from './rows';

export interface Envelope {
  ev: string;
  ch?: string;
  d?: unknown;
  n?: number;
  pos?: string;
  [key: string]: unknown;
}
export type LinkState =
  | { is: 'connecting' }
  | { is: 'live' }
  | { is: 'down'; retryIn: number; tries: number; why: string } // ms; in the gateway's words, if it had any
  | { is: 'refused' }; // the session has ended

export type StreamNews = { link: LinkState } | { events: Envelope[]; rows: Rows | null };

const KINDS = ['first', 'snapshot', 'gap', 'tick', 'expiring', 'bye', 'refused', 'reply', 'sample', 'alarm', 'device', 'command', 'rule', 'uplink', 'system', 'app'];
const FIRST_RETRY = 1e3;
const LONGEST_RETRY = 30e3;
const PACE = 12; // ms between two messages to the pages: what comes within it goes together, the first at once
const SILENT = 40e3; // ticks come every 15 s: a link without any is dead

export class StreamClient {
  private source: EventSource | null = null;
  private position = '';
  private channels: string[] = [];
  private wait = 0;
  private tries = 0;
  private timer = 0;
  private watch = 0;
  private last = 0;
  private pending: Envelope[] = [];
  private sending = 0;
  private sent = 0;
  readonly packer = new Packer();
  private state: LinkState = { is: 'connecting' };

  constructor(private readonly tell: (news: StreamNews) => void, private readonly base: string) {}

  // The channels somebody looks at now. Others mean a new connection with a fresh snapshot.
  ask(channels: string[]): void {
    const next = [...new Set(channels)].sort();
    if (next.join('\n') === this.channels.join('\n') && (this.source || this.timer)) return;
    this.channels = next;
    this.position = '';
    if (next.length === 0) this.close();
    else this.open();
  }

  retry(): void {
    this.tries = 0;
    this.open();
  }

  // Hidden without a worker: the position is kept.
  close(): void {
    this.drop();
    clearTimeout(this.timer);
    this.timer = 0;
  }

  get link(): LinkState { return this.state; }

  private drop(): void {
    this.source?.close();
    this.source = null;
    clearTimeout(this.watch);
    this.watch = 0;
  }

  private open(): void {
    this.close();
    if (this.channels.length === 0) return;
    const query = new URLSearchParams({ min_interval: '100ms', tick_form: 'event' });
    for (const channel of this.channels) query.append('channel', channel);
    if (this.position) query.set('last_event_id', this.position);
    const source = new EventSource(`${this.base}/api/v1/stream?${query}`);
    this.source = source;
    source.onopen = () => this.alive();
    source.onerror = () => this.failed();
    for (const kind of KINDS) source.addEventListener(kind, (event) => this.heard(event as MessageEvent<string>));
    this.alive();
  }

  private heard(event: MessageEvent<string>): void {
    this.alive();
    let one: Envelope;
    try {
      one = JSON.parse(event.data) as Envelope;
    } catch {
      return; // counted as nothing: the next one stands for itself
    }
    if (event.lastEventId) this.position = event.lastEventId;
    if (one.ev === 'first') {
      this.tries = 0;
      this.say({ is: 'live' });
    }
    if (one.ev === 'refused' || one.ev === 'bye') return this.failed((one.problem as { title?: string } | undefined)?.title);
    if (one.ev === 'sample') this.packer.add(one.d as Sample);
    else this.pending.push(one);
    if (this.sending === 0) this.sending = setTimeout(() => this.flush(), Math.max(0, this.sent + PACE - performance.now())) as unknown as number;
  }

  private flush(): void {
    this.sending = 0;
    this.sent = performance.now();
    const events = this.pending;
    this.pending = [];
    this.tell({ events, rows: this.packer.take() });
  }

  // One timer, not one per event.
  private alive(): void {
    this.last = performance.now();
    if (this.watch === 0) this.guard(SILENT);
  }

  private guard(wait: number): void {
    this.watch = setTimeout(() => {
      this.watch = 0;
      const left = this.last + SILENT - performance.now();
      if (left <= 0) this.failed();
      else this.guard(left);
    }, wait) as unknown as number;
  }

  private failed(why = ''): void {
    if (!this.source) return;
    this.drop();
    this.wait = Math.min(LONGEST_RETRY, FIRST_RETRY * 2 ** this.tries++) * (0.8 + Math.random() * 0.4);
    this.timer = setTimeout(() => this.open(), this.wait) as unknown as number;
    this.say({ is: 'down', retryIn: this.wait, tries: this.tries, why });
    void this.lookForSession(this.timer);
  }

  // A refused stream looks like any other failure; the session tells.
  private async lookForSession(timer: number): Promise<void> {
    const ended = await fetch(`${this.base}/api/v1/session`, { signal: AbortSignal.timeout(5e3) }).then((a) => a.status === 401, () => false);
    if (!ended || this.timer !== timer) return;
    this.close();
    this.position = '';
    this.say({ is: 'refused' });
  }

  private say(link: LinkState): void {
    this.state = link;
    this.tell({ link });
  }
}
