/** The language of the page, as kept by this browser. Absent while the recorder has only one. */
import { useEffect, useState } from "preact/hooks";
import { get } from "../api/client";
import { languages as words } from "../strings/languages";
import { recall, remember } from "./remember";

interface Language {
  code: string;
  name: string;
}

export function LanguageChoice() {
  const [known, setKnown] = useState<Language[]>([]);
  useEffect(() => {
    get<Language[]>("/languages").then(setKnown, () => setKnown([]));
  }, []);
  const choose = (code: string) => {
    remember("language", code || null);
    location.reload();
  };
  if (known.length < 2) return null;
  return (
    <div class="setting">
      <div class="grow">
        <b>{words.title}</b>
        <p class="small sub">{words.sub}</p>
      </div>
      <select class="language-choice" aria-label={words.title} value={recall("language") ?? ""} onChange={(event) => choose(event.currentTarget.value)}>
        <option value="">{words.ofBrowser}</option>
        {known.map(({ code, name }) => (
          <option key={code} value={code} lang={code}>
            {name}
          </option>
        ))}
      </select>
    </div>
  );
}
