import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { cameraPath, get } from "../../api/client";
import { on } from "../../api/state";
import type { Proposal } from "../../api/types";
import { Lazy } from "../../ui/Lazy";
import { clock } from "../../ui/times";
import { plural } from "../../strings";
import type { TuningStore } from "./store";
import { camera as words } from "../../strings/camera";

const w = words.falseAlarms;
const MUTINGS = () => import("../../ui/Mutings");
const REASONS = ["shadow", "weather", "known", "traffic", "other"] as const;
const SHOWN = 4;
type Reason = (typeof REASONS)[number];

/** From three false alarms of a kind on: a level that removes them, and what it would lose. One press applies it. */
export function FalseAlarms({ store, disabled }: { store: TuningStore; disabled: boolean }) {
  const found = useSignal<{ why: Reason; made: Proposal }[] | null>(null);
  const inUse = store.now.value?.watch.level;
  useEffect(() => {
    const stop = new AbortController();
    const load = () => {
      const path = `${cameraPath(store.camera)}/proposal`;
      Promise.all(
        REASONS.map(async (why) => ({ why, made: await get<Proposal>(path, { reason: why }, stop.signal) })),
      ).then(
        (all) => (found.value = all.filter(({ made }) => made.level !== null || made.leaves.length > 0)),
        () => {}, // what is not known is not said
      );
    };
    load();
    const off = on("event", ({ what, event }) => {
      if (what === "updated" && event.camera === store.camera) load();
    });
    return () => {
      stop.abort();
      off();
    };
  }, [store, inUse]);
  return (
    <section class="card falses" aria-labelledby="falses-title">
      <h2 id="falses-title">{w.title}</h2>
      {found.value?.length === 0 && <p class="small sub">{w.none}</p>}
      {found.value?.map(({ why, made }) => {
        const level = made.level;
        if (level === null)
          return (
            <p key={why} class="false">
              {w.noLevel(made.leaves.length, w.why[why])}
            </p>
          );
        return (
          <article key={why} class="false" data-proposal={why}>
            <p>{w.found(level, made.removes.length, made.removes.length + made.leaves.length, w.why[why])}</p>
            <p class="small sub">{made.loses.length === 0 ? w.losesNone : plural(made.loses.length, w.loses)}</p>
            {made.loses.length > 0 && (
              <div class="th">
                {made.loses.slice(0, SHOWN).map((event) => (
                  <a key={event.id} href={`/events/${encodeURIComponent(event.id)}?only=all`}>
                    {event.snapshot ? <img alt="" src={event.snapshot} loading="lazy" /> : <span class="th-none" />}
                    <span class="tiny muted num">{clock(event.start_ms)}</span>
                  </a>
                ))}
              </div>
            )}
            {!disabled && (
              <div class="row">
                <button type="button" class="btn ghost" onClick={() => store.setLevel(level, true)}>
                  {w.try}
                </button>
                <button
                  type="button"
                  class="btn pri"
                  disabled={store.saving.value}
                  onClick={() => {
                    store.setLevel(level, true);
                    void store.save();
                  }}
                >
                  {w.use(level)}
                </button>
              </div>
            )}
          </article>
        );
      })}
      <Lazy load={MUTINGS} props={{ camera: store.camera }} waiting={() => null} />
    </section>
  );
}
