import type { SealedInfo } from "../../api/types";
import { sealing as words } from "../../strings/sealing";
import { QrCode } from "../../ui/QrCode";
import { ServerText } from "../../ui/ServerText";

const { sheet } = words;

/** The recovery sheet, as it is printed: one page, A4 or Letter. */
export function Paper({ info, secret, list }: { info: SealedInfo; secret: string; list: readonly string[] }) {
  const day = new Date().toISOString().slice(0, 10);
  return (
    <article class="paper" aria-label={sheet.of(info.recorder)}>
      <h2>{sheet.of(info.recorder)}</h2>
      <p>{sheet.made(day)}</p>
      <ol>
        {list.map((word, at) => (
          <li key={`${at}${word}`}>{word}</li>
        ))}
      </ol>
      <div class="paper-code">
        <QrCode text={secret} label={sheet.qr} />
        <div>
          <p>{sheet.key}:</p>
          <code>{secret}</code>
          <p>{sheet.fingerprint}:</p>
          <code>{info.fingerprint}</code>
        </div>
      </div>
      <p><ServerText text={sheet.use} /></p>
      <strong>{sheet.warning}</strong>
    </article>
  );
}

