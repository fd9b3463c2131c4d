// What a screen reader is told: critical alarms at once, the rest at most every five seconds and then as a sum.
import { signal } from '@preact/signals';
import { t } from '../text/en';

export const assertive = signal('');
export const polite = signal('');

const PAUSE = 5e3;
let waiting: string[] = [];
let timer = 0;

export function announce(text: string, urgent = false): void {
  if (urgent) {
    assertive.value = text;
    return;
  }
  waiting.push(text);
  if (timer === 0) speak();
}

function speak(): void {
  timer = 0;
  if (waiting.length === 0) return;
  polite.value = waiting.length === 1 ? waiting[0]! : t.news(waiting.length, waiting[waiting.length - 1]!);
  waiting = [];
  timer = setTimeout(speak, PAUSE) as unknown as number;
}
