// What is shown, as a file. Null and gaps are empty cells and null, never 0.
export type Cell = string | number | boolean | null | undefined;

// A text that begins like a formula would be run by a spreadsheet: an apostrophe makes it text.
function cell(one: Cell): string {
  if (one === null || one === undefined) return '';
  if (typeof one === 'number') return Number.isFinite(one) ? `${one}` : '';
  const text = typeof one === 'string' && /^[=+\-@\t\r]/.test(one) ? `'${one}` : `${one}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export const csv = (rows: Cell[][]): string => rows.map((row) => row.map(cell).join(',')).join('\r\n') + '\r\n';

export function saveAs(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name.replace(/[^\w.-]+/g, '-');
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10e3);
}

export const saveCsv = (name: string, rows: Cell[][]): void => saveAs(`${name}.csv`, 'text/csv;charset=utf-8', csv(rows));
export const saveJson = (name: string, data: unknown): void => saveAs(`${name}.json`, 'application/json', `${JSON.stringify(data, null, 1)}\n`);
