/** What each mode records of each camera. Each choice holds at once. */
import { useEffect, useState } from "preact/hooks";
import { get, put } from "../../api/client";
import { cameras } from "../../api/state";
import type { RecordingChoice, RecordingInfo } from "../../api/types";
import { recording as words } from "../../strings/recording";
import { modeName } from "../../ui/modeNames";
import { sentences } from "../../ui/sentences";
import { toast } from "../../ui/toast";

const CHOICES = ["continuous", "events", "transitions", "off"] as const;
const w = words.inModes;
const path = (camera: string) => `/cameras/${encodeURIComponent(camera)}/recording`;

export function Recordings() {
  const [found, setFound] = useState<ReadonlyMap<string, RecordingInfo>>(new Map());
  const ids = cameras.value.map((one) => one.id).join();
  const take = (camera: string, now: RecordingInfo) => setFound((before) => new Map(before).set(camera, now));
  useEffect(() => {
    const stop = new AbortController();
    for (const { id } of cameras.peek())
      get<RecordingInfo>(path(id), {}, stop.signal).then(
        (now) => take(id, now),
        () => {}, // it has no row, then
      );
    return () => stop.abort();
  }, [ids]);
  const change = (camera: string, now: RecordingInfo, mode: string, value: string) => {
    const choice = CHOICES.find((one) => one === value);
    const others = Object.fromEntries(Object.entries(now.modes).filter(([name]) => name !== mode));
    const chosen: Record<string, RecordingChoice> = choice ? { ...others, [mode]: choice } : others;
    const asked = { record: now.record, pre_s: now.pre_s, post_s: now.post_s, modes: chosen };
    put<RecordingInfo>(path(camera), asked).then(
      (after) => {
        take(camera, after);
        toast(words.saved);
      },
      (reason: unknown) => {
        toast(sentences(reason));
        take(camera, { ...now });
      },
    );
  };
  const shown = cameras.value.filter((one) => found.has(one.id));
  const names = shown[0] ? (found.get(shown[0].id)?.mode_names ?? []) : [];
  if (shown.length === 0) return null;
  return (
    <section class="card" aria-labelledby="recordings-title">
      <h2 id="recordings-title">{w.title}</h2>
      <p class="small sub">{w.sub}</p>
      <div class="modes-recordings" role="table" aria-labelledby="recordings-title" style={{ "--columns": names.length }}>
        <div role="row" class="modes-recordings-head">
          <span role="columnheader">{w.camera}</span>
          {names.map((mode) => (
            <span key={mode} role="columnheader">
              {modeName(mode)}
            </span>
          ))}
        </div>
        {shown.map((camera) => {
          const now = found.get(camera.id)!;
          return (
            <div key={camera.id} role="row">
              <span role="rowheader">
                <b>{camera.name}</b> <span class="small sub">{words.choices[now.record].name}</span>
              </span>
              {names.map((mode) => (
                <div key={mode} role="cell">
                  <span class="small sub" aria-hidden="true">
                    {modeName(mode)}
                  </span>
                  <select class="field" aria-label={w.choice(camera.name, modeName(mode))} value={now.modes[mode] ?? ""} onChange={(event) => change(camera.id, now, mode, event.currentTarget.value)}>
                    <option value="">{w.same}</option>
                    {CHOICES.map((choice) => (
                      <option key={choice} value={choice}>
                        {words.choices[choice].name}
                      </option>
                    ))}
                  </select>
                </div>
              ))}
            </div>
          );
        })}
      </div>
      <p class="small sub">{words.keeps}</p>
    </section>
  );
}
