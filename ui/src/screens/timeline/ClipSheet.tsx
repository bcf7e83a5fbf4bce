import { type Signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, post } from "../../api/client";
import type { NewClip } from "../../api/schema";
import { cameras, serverNow } from "../../api/state";
import type { TimelinePart } from "../../api/types";
import { within } from "../../api/within";
import { go } from "../../ui/router";
import { session } from "../../ui/session";
import { date, length, size } from "../../ui/times";
import { plural } from "../../strings";
import { timeline } from "../../strings/timeline";
import { parts } from "../../strings/clip-parts";
import { figures } from "../../strings/figures";
import type { Gap, Lane } from "../../timeline/data";
import { clockSecond } from "../../timeline/format";
import { gapLabel } from "../../timeline/layout";
import { DeleteButton } from "../../ui/DeleteSheet";
import { Icon } from "../../ui/Icon";
import { Segmented } from "../../ui/Segmented";
import { sentences } from "../../ui/sentences";
import { Sheet } from "../../ui/Sheet";
import { toast } from "../../ui/toast";
import { share } from "../../ui/sharing";
import { bytesOf } from "./ClipMarked";
import { type ClipPart, linkOf, partsOf } from "./clipParts";
import { follow } from "./follow";
import type { TimelineModel } from "./model";
import { lanesOf } from "./store";
import { recorderZone } from "../../timeline/wallclock";
import { ServerText } from "../../ui/ServerText";
import "./clipsheet.css";

const words = timeline.clip;
const APART_MS = 700;
/** Cameras in one request: of files each, and of one file with all. */
const MOST = 64;
const MOST_TOGETHER = 9;
/** Up to which the recorder converts sound. */
const MOST_SOUND_MS = 3_600_000;

type Kind = NewClip["kind"] & string;
const KINDS = ["mp4", "gif", "timelapse", "side-by-side", "sheet", "evidence"] as const satisfies readonly Kind[];
/** What the recorder encodes frame by frame, and may draw into. */
const STAMPED: readonly Kind[] = ["mp4", "gif", "sheet"];
const SPEEDS = ["minute", "10", "60", "600"] as const;

/** One file a camera, copied as recorded and downloaded by the browser; or what the recorder is to make on the side. */
export default function ClipSheet({ model }: { model: TimelineModel }) {
  const ticked = useSignal<readonly string[]>(model.chosen.peek());
  const kind = useSignal<Kind>("mp4");
  const speed = useSignal<(typeof SPEEDS)[number]>("minute");
  const sound = useSignal(true);
  const exact = useSignal(false);
  const evidence = useSignal(false);
  const stamp = useSignal(false);
  const boxes = useSignal(false);
  const allBut = useSignal("");
  const refused = useSignal("");
  const busy = useSignal(false);
  const marked = useSignal<Lane[] | null>(null);
  const { begin_ms, end_ms } = model.marks.value;
  useEffect(() => {
    if (begin_ms === null || end_ms === null) return;
    // The lanes may know less of it: they are about the time shown.
    const asked = { from_ms: Math.floor(begin_ms), to_ms: Math.ceil(end_ms), points: 1, short: true };
    get<TimelinePart>("/timeline", asked).then((part) => (marked.value = lanesOf(part)), () => {});
  }, [begin_ms, end_ms]);
  if (begin_ms === null || end_ms === null) return null;
  const close = () => model.endSaving();
  const zone = recorderZone.value;
  const offers = (marked.value ?? model.lanes.value).map((lane) => offerOf(lane, begin_ms, end_ms, marked.value !== null));
  const wanted = offers.filter((offer) => !offer.none && ticked.value.includes(offer.lane.id)).map((offer) => offer.lane.id);
  const [only] = wanted.length === 1 ? wanted : [];
  const partOf = (camera: string): ClipPart => ({
    ...{ camera, from_ms: Math.round(begin_ms), to_ms: Math.round(end_ms), stream: "main" },
    ...(sound.value ? {} : { sound: false }),
    ...(exact.value ? { exact: true } : {}),
  });
  const lane = offers.find((offer) => offer.lane.id === only)?.lane;
  const others = (lane?.events ?? []).filter((event) => event.picture !== null && event.start_ms < end_ms && (event.end_ms ?? end_ms) > begin_ms);
  const shown = kind.value === "mp4" ? (others.find((event) => event.id === allBut.value)?.id ?? "") : "";
  const download = async () => {
    const firsts = wanted.map(partOf);
    const withReport = evidence.value;
    toast(plural(wanted.length, words.started));
    close();
    const found = (await Promise.all(firsts.map((first) => partsOf(first, toast)))).flat();
    const links = found.flatMap((part) => [linkOf(part), ...(withReport ? [linkOf(part, "/clip/sheet")] : [])]);
    for (const [i, each] of links.entries()) setTimeout(() => follow(each), i * APART_MS);
    if (found.length > firsts.length) toast(plural(found.length, parts.several));
  };
  const make = async () => {
    if (busy.peek()) return;
    busy.value = true;
    refused.value = "";
    const times = kind.value === "timelapse" && speed.value !== "minute" ? Number(speed.value) : null;
    const asked: NewClip = {
      cameras: wanted,
      from_ms: Math.round(begin_ms),
      to_ms: Math.round(end_ms),
      kind: kind.value,
      speed: times,
      sound: sound.value || kind.value !== "mp4",
      exact: exact.value && isCopy,
      all_but: shown,
      stamp: drawn && stamp.value,
      boxes: drawn && boxes.value,
    };
    try {
      await post("/clips", asked);
      toast(words.making);
      close();
      go("/clips");
    } catch (reason) {
      refused.value = sentences(reason);
    } finally {
      busy.value = false;
    }
  };
  const covered = cameras.value.some(({ id, mask }) => wanted.includes(id) && mask.parts.length > 0);
  const drawn = (stamp.value || boxes.value) && shown === "" && STAMPED.includes(kind.value);
  const isCopy = kind.value === "mp4" && shown === "" && !drawn;
  const kinds = KINDS.filter((value) => value !== "evidence" || session.value?.user?.role === "owner");
  const together = kind.value === "side-by-side";
  const enough = wanted.length >= (together ? 2 : 1);
  const most = together ? MOST_TOGETHER : MOST;
  const fits = wanted.length <= most;
  const burns = (
    <>
      <Choice on={boxes}>{figures.burnBoxes}</Choice>
      <Choice on={stamp}>{figures.burn}</Choice>
    </>
  );
  return (
    <Sheet title={words.title} onClose={close} class="clipsheet">
      <dl class="clip-facts num">
        <Fact name={words.from}>
          {date(begin_ms)} {clockSecond(zone, begin_ms)}
        </Fact>
        <Fact name={words.to}>{clockSecond(zone, end_ms)}</Fact>
        <Fact name={words.length}>{length(end_ms - begin_ms)}</Fact>
      </dl>
      <div class="clip-kinds">
        <Segmented
          label={words.kind}
          value={kind.value}
          options={kinds.map((value) => ({ value, label: words.kinds[value] }))}
          onChange={(value) => {
            kind.value = value;
          }}
        />
      </div>
      {kind.value === "timelapse" && (
        <div class="row clip-speed">
          <b class="grow">{words.speed}</b>
          <Segmented
            label={words.speed}
            value={speed.value}
            options={SPEEDS.map((value) => ({ value, label: value === "minute" ? words.minute : words.times(Number(value)) }))}
            onChange={(value) => {
              speed.value = value;
            }}
          />
        </div>
      )}
      <fieldset>
        <legend>{together ? words.together : words.each}</legend>
        {offers.map(({ lane, missing, lost_ms, bytes, none }) => (
          <label key={lane.id} class={none ? "none" : ""}>
            <input
              type="checkbox"
              checked={wanted.includes(lane.id)}
              disabled={none}
              onChange={(event) => {
                const others = ticked.value.filter((id) => id !== lane.id);
                ticked.value = event.currentTarget.checked ? [...others, lane.id] : others;
              }}
            />
            <span class="grow">
              {lane.name}
              {none && !missing && <span class="clip-missing">{timeline.player.nothing}</span>}
              {missing && (
                <span class="clip-missing">
                  {missing.reason === "waiting" ? words.skipped(length(lost_ms)) : words.missing(length(lost_ms), gapLabel(missing, zone))}
                </span>
              )}
            </span>
            {isCopy && bytes > 0 && <span class="muted num small">{words.about(size(bytes))}</span>}
          </label>
        ))}
      </fieldset>
      {wanted.length > 0 && (
        <DeleteButton
          key={wanted.join()}
          what="time"
          wanted={{ cameras: wanted, from_ms: Math.round(begin_ms), to_ms: Math.round(end_ms) }}
          onDone={close}
        />
      )}
      {kind.value === "mp4" ? (
        <>
          {others.length > 0 && (
            <label class="clip-choice clip-hide">
              <span class="grow">{words.hide}</span>
              <select class="field" value={shown} onChange={(event) => (allBut.value = event.currentTarget.value)}>
                <option value="">{words.hideNothing}</option>
                {others.map((event) => (
                  <option key={event.id} value={event.id}>
                    {words.allBut(event.title, clockSecond(zone, event.start_ms))}
                  </option>
                ))}
              </select>
            </label>
          )}
          {shown === "" ? (
            <>
              <Choice on={sound}>{words.sound}</Choice>
              {sound.value && end_ms - begin_ms > MOST_SOUND_MS && <p class="small sub">{parts.mute}</p>}
              {burns}
              {drawn ? (
                <p class="small sub">{figures.burned}</p>
              ) : (
                <>
                  <Choice on={exact}>{words.exact}</Choice>
                  <Choice on={evidence}>{words.evidence}</Choice>
                  <p class="small sub">{exact.value ? words.exactly : words.early}</p>
                  <p class="small muted">{covered ? words.covered : words.asIs}</p>
                </>
              )}
            </>
          ) : (
            <p class="small sub">{words.hidden}</p>
          )}
        </>
      ) : (
        <>
          {STAMPED.includes(kind.value) && burns}
          <p class="small sub">{words.about_kinds[kind.value]}</p>
        </>
      )}
      {refused.value && (
        <p class="clip-refusal" role="alert">
          <ServerText text={refused.value} />
        </p>
      )}
      <div class="row clip-actions">
        <span class="small sub grow">
          {!fits ? words.most(most) : enough ? <a href="/clips">{words.all}</a> : together ? words.two : words.none}
        </span>
        {isCopy && only !== undefined && !within && (
          <button
            type="button"
            class="btn"
            onClick={() => {
              close();
              share({ camera: only, from_ms: begin_ms, to_ms: end_ms });
            }}
          >
            <Icon name="share-2" small />
            {words.share}
          </button>
        )}
        <button type="button" class={`btn${isCopy ? "" : " pri"}`} disabled={!enough || !fits || busy.value} onClick={() => void make()}>
          <Icon name="film" small />
          {isCopy ? words.keepHere : words.make}
        </button>
        {isCopy && (
          <button type="button" class="btn pri" disabled={!enough} onClick={() => void download()}>
            <Icon name="download" small />
            {plural(wanted.length, words.download)}
          </button>
        )}
      </div>
    </Sheet>
  );
}

function Choice({ on, children }: { on: Signal<boolean>; children: string }) {
  return (
    <label class="clip-choice">
      <input type="checkbox" checked={on.value} onChange={(event) => (on.value = event.currentTarget.checked)} />
      {children}
    </label>
  );
}

interface Offer {
  lane: Lane;
  missing: Gap | undefined;
  lost_ms: number;
  bytes: number;
  /** Nothing of the marked time was recorded. */
  none: boolean;
}

/** isAll: the lane has all of that time, and not only what is shown. */
function offerOf(lane: Lane, begin_ms: number, end_ms: number, isAll: boolean): Offer {
  const gaps = lane.gaps.filter((gap) => gap.begin_ms < end_ms && (gap.end_ms ?? serverNow()) > begin_ms);
  const missing = gaps.find((gap) => gap.reason !== "waiting") ?? gaps[0];
  const lost_ms = gaps.reduce((sum, gap) => sum + Math.min(end_ms, gap.end_ms ?? end_ms) - Math.max(begin_ms, gap.begin_ms), 0);
  const none = isAll && !lane.spans.some(([begin, end]) => begin < end_ms && end > begin_ms);
  return { lane, missing, lost_ms, none, bytes: none ? 0 : bytesOf(lane.id, end_ms - begin_ms - lost_ms) };
}

function Fact({ name, children }: { name: string; children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
