/** The keys that are in force, for the `?` dialog. */
import { t } from "../strings";
import { type KeyHelp, keyHelp } from "./keys";
import { isAlone } from "./router";
import "./keys.css";

const anywhere: KeyHelp = {
  section: t.keys.anywhere,
  rows: [
    { keys: ["1", "–", "5"], words: t.keys.destinations },
    { keys: ["M"], words: t.keys.mode },
    { keys: ["T"], words: t.keys.theme },
    { keys: ["?"], words: t.keys.help },
    { keys: [t.keys.escape], words: t.keys.back },
  ],
};

/** A window with one camera leads nowhere else. */
const inWindow: KeyHelp = { ...anywhere, rows: anywhere.rows.filter(({ words }) => words === t.keys.theme || words === t.keys.help) };

export default function KeysHelp() {
  return (
    <>
      {[...keyHelp.value, isAlone() ? inWindow : anywhere].map((part) => (
        <section key={part.section} class="keys-part">
          <h3>{part.section}</h3>
          <dl>
            {part.rows.map((row) => (
              <div key={row.words}>
                <dt>
                  {row.keys.map((key) => (
                    <kbd key={key}>{key}</kbd>
                  ))}
                </dt>
                <dd>{row.words}</dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </>
  );
}
