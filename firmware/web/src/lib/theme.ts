// What one browser remembers: theme and single-letter keys. Storage may be forbidden; then it lasts as long as the page.
import { signal } from '@preact/signals';

const read = (key: string): string => {
  try {
    return localStorage.getItem(key) ?? '';
  } catch {
    return '';
  }
};
const write = (key: string, value: string): void => {
  try {
    localStorage.setItem(key, value);
  } catch {
    // remembered until the page is closed
  }
};

export type Theme = 'system' | 'light' | 'dark';
export const theme = signal<Theme>((read('fogline.theme') as Theme) || 'system');
export const letterKeys = signal(read('fogline.keys') !== 'off');

export function setTheme(next: Theme): void {
  theme.value = next;
  write('fogline.theme', next);
  showTheme();
}
export function showTheme(): void {
  if (theme.value === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
}
export function setLetterKeys(on: boolean): void {
  letterKeys.value = on;
  write('fogline.keys', on ? 'on' : 'off');
}
