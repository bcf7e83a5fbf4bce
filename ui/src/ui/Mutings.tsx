import { type Signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { cameraPath, get, post, remove } from "../api/client";
import { on } from "../api/state";
import type { Muting, MutingList, MutingOffer } from "../api/types";
import { plural } from "../strings";
import { mutings as words } from "../strings/mutings";
import { tryTo } from "./Access";
import { session } from "./session";
import { day, when } from "./times";
import { toast } from "./toast";
import "./mutings.css";

const pathOf = (camera: string) => `${cameraPath(camera)}/mutings`;
const isOwner = () => session.value?.user?.role === "owner";

/** What is muted at a camera; of one event: what would mute its like. Loaded when it is first needed. */
export default function Mutings({ camera, event = "" }: { camera: string; event?: string }) {
  const list = useMutings(camera);
  if (!event) return <MutingRows camera={camera} list={list} />;
  const offer = list.value?.offers.find((one) => one.events.includes(event));
  return offer ? <MuteOffer camera={camera} offer={offer} list={list} /> : null;
}

/** The list, kept current while events are marked. */
function useMutings(camera: string): Signal<MutingList | null> {
  const list = useSignal<MutingList | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    const load = () => {
      get<MutingList>(pathOf(camera), {}, stop.signal).then(
        (found) => (list.value = found),
        () => {
          // Without the list there is nothing to offer.
        },
      );
    };
    load();
    const off = on("event", ({ what, event }) => {
      if (what === "updated" && event.camera === camera) load();
    });
    return () => {
      stop.abort();
      off();
    };
  }, [camera]);
  return list;
}

/** Five false alarms that are alike: one press mutes what is like them. For owners. */
function MuteOffer(props: { camera: string; offer: MutingOffer; list: Signal<MutingList | null> }) {
  const { camera, offer, list } = props;
  const saving = useSignal(false);
  if (!isOwner()) return null;
  const mute = () =>
    tryTo(async () => {
      saving.value = true;
      try {
        const before = new Set(list.value?.items.map((one) => one.id));
        const after = await post<MutingList>(pathOf(camera), { event: offer.events[0] });
        list.value = after;
        const made = after.items.find((one) => !before.has(one.id));
        toast(words.done, made ? () => void unmute(camera, made, list) : null);
      } finally {
        saving.value = false;
      }
    });
  const isSound = offer.type === "sound";
  return (
    <div class="muting-offer" data-offer={offer.type}>
      <b>
        {plural(offer.events.length, words.offer)} {words.when[offer.when]}
      </b>
      <p class="small">{isSound ? words.offerSound : words.offerSub}</p>
      {offer.type === "person" && <p class="small">{words.offerPeople}</p>}
      <button type="button" class="btn pri" disabled={saving.value} onClick={() => void mute()}>
        {isSound ? words.muteSound : words.mute}
      </button>
    </div>
  );
}

/** All mutings of a camera, each with its place, its count and how to end it. */
function MutingRows({ camera, list }: { camera: string; list: Signal<MutingList | null> }) {
  const found = list.value;
  if (!found) return null;
  return (
    <div class="mutings">
      <h3>{words.title}</h3>
      {found.items.length === 0 && found.offers.length === 0 && <p class="small sub">{words.none}</p>}
      {found.offers.map((offer) => (
        <article key={offer.events[0]} class="muting">
          <Place of={offer} />
          <MuteOffer camera={camera} offer={offer} list={list} />
        </article>
      ))}
      {found.items.map((one) => (
        <article key={one.id} class="muting" data-muting={one.id}>
          <Place of={one} />
          <div class="grow">
            <b>
              {one.title} {words.when[one.when] && <span class="tag">{words.when[one.when]}</span>}
            </b>
            <p class="small sub">
              {words.by(one.by, day(one.made_ms))} · {words.until(day(one.until_ms))}
            </p>
            <p class="small sub">
              {plural(one.count, words.count)}
              {one.last_ms !== null && `, ${words.last(when(one.last_ms))}`}
            </p>
            {one.ended && <p class="small">{words.ended}</p>}
          </div>
          {isOwner() && (
            <div class="row wrap">
              {one.ended && (
                <button type="button" class="btn" onClick={() => void renew(camera, one, list)}>
                  {words.renew}
                </button>
              )}
              <button type="button" class="btn" onClick={() => void unmute(camera, one, list)}>
                {words.remove}
              </button>
            </div>
          )}
        </article>
      ))}
    </div>
  );
}

/** The newest false alarm, with the places of all. */
function Place({ of }: { of: MutingOffer }) {
  const [event] = of.events;
  if (!event || of.type === "sound") return null;
  return (
    <a class="muting-place" href={`/events/${encodeURIComponent(event)}?only=all`} aria-label={words.place}>
      <img alt="" src={`/media/${encodeURIComponent(event)}.jpg`} loading="lazy" onError={(failed) => (failed.currentTarget.hidden = true)} />
      {of.boxes.map(([x0, y0, x1, y1]) => (
        <i
          key={`${x0} ${y0} ${x1} ${y1}`}
          style={{ left: `${100 * x0}%`, top: `${100 * y0}%`, width: `${100 * (x1 - x0)}%`, height: `${100 * (y1 - y0)}%` }}
        />
      ))}
    </a>
  );
}

const renew = (camera: string, one: Muting, list: Signal<MutingList | null>) =>
  tryTo(async () => {
    list.value = await post<MutingList>(`${pathOf(camera)}/${one.id}/renew`);
    toast(words.done);
  });

const unmute = (camera: string, one: Muting, list: Signal<MutingList | null>) =>
  tryTo(async () => {
    const after = await remove<MutingList>(`${pathOf(camera)}/${one.id}`);
    list.value = after;
    const again = after.offers.find((offer) => offer.events.some((event) => one.events.includes(event)));
    const undo = again ? () => void tryTo(async () => void (list.value = await post<MutingList>(pathOf(camera), { event: again.events[0] }))) : null;
    toast(words.removed, undo);
  });
