// Hash router: "#/devices/boiler-1?range=24h" is {path: ['devices', 'boiler-1'], query: {range: '24h'}}.
import { signal } from '@preact/signals';

export interface Route {
  path: string[];
  query: Record<string, string>;
}

export function parseRoute(hash: string): Route {
  const text = hash.replace(/^#\/?/, '');
  const at = text.indexOf('?');
  const path = (at < 0 ? text : text.slice(0, at)).split('/').filter(Boolean).map(decode);
  const query: Record<string, string> = {};
  if (at >= 0) for (const [key, value] of new URLSearchParams(text.slice(at + 1))) query[key] = value;
  return { path, query };
}

export function routeHash(path: string[], query: Record<string, string | undefined> = {}): string {
  const kept = Object.entries(query).filter((one): one is [string, string] => !!one[1]);
  const tail = kept.length > 0 ? `?${new URLSearchParams(kept)}` : '';
  return `#/${path.map(encodeURIComponent).join('/')}${tail}`;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a pasted, broken escape is a name that does not exist
  }
}

export const route = signal<Route>({ path: [], query: {} });

export function startRouter(): void {
  const read = () => (route.value = parseRoute(location.hash));
  addEventListener('hashchange', read);
  read();
}

export function go(path: string[], query: Record<string, string | undefined> = {}): void {
  location.hash = routeHash(path, query);
}

// Filters and ranges belong into the address but are no step "back".
export function setQuery(change: Record<string, string | undefined>): void {
  const { path, query } = route.value;
  const next = { ...query, ...change };
  history.replaceState(null, '', routeHash(path, next));
  route.value = parseRoute(location.hash);
}
