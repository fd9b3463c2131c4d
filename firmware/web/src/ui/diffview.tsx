import { diffLines } from '../lib/diff';
import { t } from '../text/en';

const MARK = { add: '+', del: '−', same: ' ' } as const;
const WORD = { add: t.editor.diffAdd, del: t.editor.diffDel, same: '' } as const;

export function Diff({ before, after, label }: { before: string; after: string; label: string }) {
  return (
    <div class="diff" role="region" tabIndex={0} aria-label={label}>
      {diffLines(before, after).map((line, i) => (
        <div key={i} class={line.kind}><span aria-hidden="true">{MARK[line.kind]} </span>{WORD[line.kind] && <span class="sr">{WORD[line.kind]}: </span>}<code>{line.text || ' '}</code></div>
      ))}
    </div>
  );
}
