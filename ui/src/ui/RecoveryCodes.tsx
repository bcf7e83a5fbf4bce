/** Setting up two-step codes: the secret for an authenticator app, and the recovery codes. */
import { mine } from "../strings/my-account";
import { focusOnce } from "./Access";
import { Icon } from "./Icon";
import { QrCode } from "./QrCode";
import { canCopy, copy } from "./toast";

const words = mine.twoStep;

export function CodeSecret({ secret, uri }: { secret: string; uri: string }) {
  return (
    <>
      <p class="sub">{words.scan}</p>
      <QrCode text={uri} label={words.picture} />
      <p class="small sub">
        {words.manual} <code class="secret">{secret.match(/.{1,4}/g)?.join(" ")}</code>
      </p>
    </>
  );
}

export function RecoveryCodes({ list, onSaved }: { list: readonly string[]; onSaved: () => void }) {
  return (
    <div class="setting access-made" role="group" aria-labelledby="codes-title" tabIndex={-1} ref={focusOnce}>
      <h3 id="codes-title">{words.codesTitle}</h3>
      <p class="sub">{words.codesSub}</p>
      <ul class="codes num">
        {list.map((code) => (
          <li key={code}>{code}</li>
        ))}
      </ul>
      <div class="row">
        {canCopy() && (
          <button type="button" class="btn" onClick={() => copy(list.join("\n"), words.copied)}>
            <Icon name="copy" small />
            {words.copyAll}
          </button>
        )}
        <button type="button" class="btn pri" onClick={onSaved}>
          {words.saved}
        </button>
      </div>
    </div>
  );
}
