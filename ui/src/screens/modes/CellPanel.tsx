/** The choices of one cell, each in force at once, with what they would have meant yesterday. */
import { useEffect, useRef, useState } from "preact/hooks";
import { post } from "../../api/client";
import type { ModeCell, ModeRow, Replay } from "../../api/schema";
import { plural } from "../../strings";
import { modes as words } from "../../strings/modes";
import { Icon } from "../../ui/Icon";
import { kindIcon } from "../../ui/kinds";
import { modeName } from "../../ui/modeNames";
import { Segmented } from "../../ui/Segmented";
import { length } from "../../ui/times";
import { type Choice, choiceOf, isRecorded, type NotifyType, TYPES } from "./cells";
import { Panel } from "./Panel";

const { table: t, cell: w } = words;
const RECORDS = ["continuous", "events", "off", "private"] as const;

interface Props {
  row: ModeRow;
  mode: string;
  notifiers: readonly string[];
  anchor: HTMLElement;
  onChoose: (choice: Choice) => Promise<void>;
  /** chosen: resolves when the recorder has answered to all choices made here. */
  onClose: (chosen: Promise<void>) => void;
}

export function CellPanel({ row, mode, notifiers, anchor, onChoose, onClose }: Props) {
  const cell = row.cells[mode]!;
  const records = cell.record === "transitions" ? [...RECORDS, cell.record] : RECORDS;
  const notify = cell.notify_by === "rules" ? [] : cell.notify;
  // Asked for and not answered yet: the next choice starts from it, and waits for its answer.
  const asked = useRef<{ choice: Choice; done: Promise<void> } | null>(null);
  const choose = (change: (now: Choice) => Partial<Choice>) => {
    const now = asked.current?.choice ?? choiceOf(cell);
    const choice = { ...now, ...change(now) };
    const mine = { choice, done: (asked.current?.done ?? Promise.resolve()).then(() => onChoose(choice)) };
    asked.current = mine;
    void mine.done.finally(() => {
      if (asked.current === mine) asked.current = null;
    });
  };
  const flip = (type: NotifyType) =>
    choose((before) => {
      const now = before.notify ?? (notify as NotifyType[]);
      const others = now.filter((one) => one !== type && one !== "motion");
      return { notify: now.includes(type) ? others : type === "motion" ? ["motion"] : [...others, type] };
    });
  const flipChannel = (name: string) =>
    choose(({ channels }) => {
      const now = channels ?? notifiers;
      return { channels: now.includes(name) ? now.filter((one) => one !== name) : [...now, name] };
    });
  const by = cell.channels ?? notifiers;
  return (
    <Panel title={w.title(row.name, modeName(mode))} anchor={anchor} onClose={() => onClose(asked.current?.done ?? Promise.resolve())}>
      <p class="small sub">{w.record}</p>
      <Segmented
        label={w.record}
        value={cell.record}
        options={records.map((value) => ({ value, label: t.short[value] }))}
        onChange={(record) => choose(() => ({ record }))}
      />
      {cell.record === "private" && <p class="small sub">{w.private}</p>}
      {(isRecorded(cell) || cell.may_detect) && (
        <>
          <label class="row small modes-tick">
            <input
              type="checkbox"
              checked={cell.detection && row.is_detecting}
              disabled={!row.is_detecting}
              onChange={({ currentTarget }) => choose(() => ({ detection: currentTarget.checked }))}
            />
            <span class="grow">{w.detection}</span>
          </label>
          {!row.is_detecting && <p class="small sub">{w.noDetector}</p>}
          {cell.record === "events" && !(cell.detection && row.is_detecting) && <p class="small modes-wrong">{w.noEvents}</p>}
          {cell.detection && row.is_detecting && (
            <>
              <p class="small sub">{w.notify}</p>
              <div class="modes-chips" role="group" aria-label={w.notify}>
                {TYPES.map((type) => (
                  <button
                    key={type}
                    type="button"
                    class={`chip modes-chip${notify.includes(type) ? " on" : ""}`}
                    aria-pressed={notify.includes(type)}
                    onClick={() => flip(type)}
                  >
                    <Icon name={kindIcon(type)} small />
                    {t.types[type]}
                  </button>
                ))}
              </div>
              {cell.notify_by === "rules" && <p class="small sub">{w.byRules}</p>}
              {!row.is_named && notify.length > 0 && !notify.includes("motion") && <p class="small sub">{w.unnamed}</p>}
              {notify.length > 0 && (notifiers.length > 1 || cell.channels) && (
                <>
                  <p class="small sub">{w.who}</p>
                  <div class="modes-chips" role="group" aria-label={w.who}>
                    {notifiers.map((name) => (
                      <button
                        key={name}
                        type="button"
                        class={`chip modes-chip${by.includes(name) ? " on" : ""}`}
                        aria-pressed={by.includes(name)}
                        onClick={() => flipChannel(name)}
                      >
                        {modeName(name)}
                      </button>
                    ))}
                  </div>
                </>
              )}
              {notifiers.length === 0 && <p class="small sub">{w.noChannels}</p>}
            </>
          )}
        </>
      )}
      <Yesterday camera={row.id} mode={mode} cell={cell} />
    </Panel>
  );
}

function Yesterday({ camera, mode, cell }: { camera: string; mode: string; cell: ModeCell }) {
  const [found, setFound] = useState<Replay | "failed" | null>(null);
  const key = JSON.stringify(cell);
  useEffect(() => {
    let wanted = true;
    post<Replay>("/modes/replay", { span: "yesterday", mode, cameras: [camera] }).then(
      (now) => wanted && setFound(now),
      () => wanted && setFound("failed"),
    );
    return () => {
      wanted = false;
    };
  }, [camera, mode, key]);
  if (found === "failed") return null; // the choices hold without it
  return (
    <p class="small sub modes-yesterday" role="status">
      {found ? effect(found, modeName(mode)) : words.loading}
    </p>
  );
}

function effect(found: Replay, mode: string): string {
  const one = found.cameras[0];
  if (!one || one.seconds === null) return w.tomorrow;
  const events = Object.values(one.kinds).reduce((sum, n) => sum + n, 0);
  const people = one.kinds["person"] ?? 0;
  const seen = people > 0 ? plural(people, w.people) : plural(events, w.events);
  return w.yesterday(mode, length(one.seconds * 1000), seen, plural(one.notified, w.notifications));
}
