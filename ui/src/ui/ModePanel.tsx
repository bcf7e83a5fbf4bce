/** Choosing a mode: in two clicks, until the next change or for a time. */
import { useState } from "preact/hooks";
import { put } from "../api/client";
import { modes } from "../api/modes";
import type { ModesInfo } from "../api/schema";
import { modeIcon, modeName } from "./modeNames";
import { mayDirect, session } from "./session";
import { Icon } from "./Icon";
import { Segmented } from "./Segmented";
import { tryTo } from "./Access";
import { fromServer } from "../strings/language";
import { modes as words } from "../strings/modes";
import { nextSentence, nowSentence } from "./modeSentences";
import "./modePanel.css";

const times = [
  { value: "", label: words.panel.next },
  { value: "7200", label: words.panel.twoHours },
  { value: "28800", label: words.panel.eightHours },
] as const;

export default function ModePanel({ now, close }: { now: ModesInfo; close: () => void }) {
  const [lasts, setLasts] = useState<(typeof times)[number]["value"]>("");
  const isOwner = session.value?.user?.role === "owner";
  const [asked, setAsked] = useState<string | null>(null);
  const choose = (mode: string) => {
    setAsked(mode);
    void tryTo(async () => {
      modes.value = await put<ModesInfo>("/mode", { mode, for_s: mode && lasts ? Number(lasts) : null });
      close();
    }).finally(() => setAsked((now) => (now === mode ? null : now)));
  };
  return (
    <div class="mode-panel-in">
      <p class="small sub">
        {nowSentence(now)} {nextSentence(now)}
      </p>
      {mayDirect() && (
        <>
          <Segmented label={words.panel.howLong} value={lasts} options={times} onChange={setLasts} />
          <ul class="mode-list">
            {now.modes.map((mode) => (
              <li key={mode}>
                <button
                  type="button"
                  class={`mode-choice${mode === now.mode ? " on" : ""}`}
                  aria-pressed={mode === now.mode}
                  aria-busy={mode === asked}
                  onClick={() => choose(mode)}
                >
                  <Icon name={modeIcon(mode)} />
                  <span class="grow">
                    <b>{modeName(mode)}</b>
                    <span class="small sub">{fromServer(now.does[mode] ?? "")}</span>
                  </span>
                  {mode === now.mode && <Icon name="check" small />}
                </button>
              </li>
            ))}
          </ul>
          <div class="row between">
            {now.is_by_hand ? (
              <button type="button" class="btn ghost" onClick={() => choose("")}>
                <Icon name="undo-2" small />
                {words.panel.back}
              </button>
            ) : (
              <span />
            )}
            {isOwner && (
              <a class="more small" href="/settings/modes" onClick={close}>
                {words.panel.settings}
              </a>
            )}
          </div>
        </>
      )}
    </div>
  );
}
