// What the daemon measured itself: fogline_push_latency_seconds of the Prometheus text.
export interface HistogramQuantiles {
  count: number;
  p50: number; // ms, upper edge of the bucket
  p95: number;
  max: number;
}

export function quantilesOf(text: string, name: string): HistogramQuantiles {
  const buckets = new Map<number, number>();
  for (const line of text.split('\n')) {
    if (!line.startsWith(`${name}_bucket{`)) continue;
    const found = /le="([^"]+)".*\} (\S+)$/.exec(line);
    if (!found) continue;
    const edge = found[1] === '+Inf' ? Number.POSITIVE_INFINITY : Number(found[1]);
    buckets.set(edge, (buckets.get(edge) ?? 0) + Number(found[2]));
  }
  const edges = [...buckets.keys()].sort((a, b) => a - b);
  const count = buckets.get(Number.POSITIVE_INFINITY) ?? 0;
  const finite = edges.filter((edge) => Number.isFinite(edge));
  const at = (share: number) => {
    const edge = edges.find((one) => buckets.get(one)! >= share * count) ?? Number.POSITIVE_INFINITY;
    return 1e3 * (Number.isFinite(edge) ? edge : (finite[finite.length - 1] ?? 0));
  };
  return { count, p50: at(0.5), p95: at(0.95), max: at(1) };
}

export async function daemonLatency(): Promise<HistogramQuantiles> {
  const answer = await fetch('/metrics', { cache: 'no-store' });
  if (!answer.ok) throw new Error(`metrics: ${answer.status}`);
  return quantilesOf(await answer.text(), 'fogline_push_latency_seconds');
}
