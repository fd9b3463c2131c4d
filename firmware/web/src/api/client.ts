// Requests to the box. Every refusal is a Problem with a sentence, a next step and a reference.
import { t } from '../text/en';

export interface FieldFault {
  pointer: string;
  detail: string;
  code?: string;
  hint?: string;
  warning?: boolean;
  line?: number;
  col?: number;
}

export class Problem extends Error {
  constructor(
    readonly status: number, // 0: no answer at all
    readonly title: string,
    readonly detail: string,
    readonly hint: string,
    readonly errors: FieldFault[] = [],
    readonly reference = '',
    readonly retryAfter = 0,
  ) {
    super([title, detail].filter(Boolean).join(': '));
  }
  get missing(): boolean { return this.status === 404 || this.status === 501; }
}

export interface Answer<T> {
  body: T;
  etag: string;
}

let ended: () => void = () => {};
export const onSessionEnd = (act: () => void): void => void (ended = act);

const LONGEST = 15e3;

export async function call<T>(method: string, path: string, body?: unknown, options: { etag?: string; fresh?: boolean; signal?: AbortSignal } = {}): Promise<Answer<T>> {
  const headers: Record<string, string> = method === 'GET' ? {} : { 'X-Fogline': '1' };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (options.etag) headers['If-Match'] = options.etag;
  if (options.fresh) headers['If-None-Match'] = '*';
  const limit = AbortSignal.timeout(LONGEST);
  let answer: Response;
  try {
    answer = await fetch(`/api/v1/${path}`, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), cache: 'no-store', signal: options.signal ? anySignal(options.signal, limit) : limit });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Problem(0, t.problem.unreachable, t.problem.unreachableDetail, t.problem.unreachableHint);
  }
  const text = await answer.text();
  let data: Record<string, unknown> = {};
  try {
    data = text ? (JSON.parse(text) as Record<string, unknown>) : {};
  } catch {
    if (answer.ok) throw new Problem(answer.status, t.problem.notJson, '', t.problem.reload);
  }
  if (answer.ok) return { body: data as T, etag: answer.headers.get('ETag') ?? '' };
  if (answer.status === 401 && path !== 'session') ended();
  const say = (key: string) => (typeof data[key] === 'string' ? (data[key] as string) : '');
  throw new Problem(answer.status, say('title') || t.problem.status(answer.status), say('detail'), say('hint') || t.problem.hint(answer.status),
    Array.isArray(data.errors) ? (data.errors as FieldFault[]) : [], `${answer.status} ${say('type')} ${method} /api/v1/${path}`.replace(/ +/g, ' '),
    Number(answer.headers.get('Retry-After')) || 0);
}

export const get = async <T>(path: string, signal?: AbortSignal): Promise<T> => (await call<T>('GET', path, undefined, { signal })).body;
export const post = async <T>(path: string, body?: unknown): Promise<T> => (await call<T>('POST', path, body ?? {})).body;

export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem(0, t.problem.page, error instanceof Error ? error.message : String(error), t.problem.reload);
}

function anySignal(a: AbortSignal, b: AbortSignal): AbortSignal { // AbortSignal.any is younger than our oldest browser
  const both = new AbortController();
  for (const one of [a, b]) {
    if (one.aborted) both.abort();
    one.addEventListener('abort', () => both.abort(), { once: true });
  }
  return both.signal;
}
