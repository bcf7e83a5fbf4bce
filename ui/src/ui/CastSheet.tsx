/** One camera on a TV, which gets the video from the recorder itself: by the browser's own choice of devices, or by an address. */
import { useSignal } from "@preact/signals";
import { useEffect, useId, useRef } from "preact/hooks";
import { cameraPath, get, post, remove } from "../api/client";
import type { CastInfo, CastList, MadeCast } from "../api/schema";
import type { Camera } from "../api/types";
import { cast as words } from "../strings/cast";
import { Icon } from "./Icon";
import { QrCode } from "./QrCode";
import { isOwnComputer } from "./Reach";
import { Segmented } from "./Segmented";
import { sentences } from "./sentences";
import { ServerText } from "./ServerText";
import { Sheet } from "./Sheet";
import { when } from "./times";
import { copy, toast } from "./toast";
import "./cast.css";

const LASTS_S = { hour: 3_600, evening: 14_400, day: 43_200 } as const;
type Lasts = keyof typeof LASTS_S;
const lengths = (Object.keys(LASTS_S) as Lasts[]).map((value) => ({ value, label: words.lengths[value] }));

/** Safari's own way to AirPlay. */
interface WithAirPlay extends HTMLVideoElement {
  webkitShowPlaybackTargetPicker?: () => void;
  webkitCurrentPlaybackTargetIsWireless?: boolean;
}

/** Whether a TV shows it: until then, and afterwards, nothing plays here. */
const isRemote = (node: WithAirPlay): boolean => node.webkitCurrentPlaybackTargetIsWireless ?? (node.remote ? node.remote.state !== "disconnected" : false);

/** Is on a TV as long as it exists, so it outlives the sheet. */
let shown: { id: string; video: HTMLVideoElement } | null = null;

function stopShown(id: string): void {
  if (shown?.id !== id) return;
  silence(shown.video);
  shown = null;
}

function silence(node: HTMLVideoElement): void {
  node.removeAttribute("src");
  node.load();
}

/** Where other devices reach the recorder: where this page came from, unless that is this computer itself. */
function baseOf(made: MadeCast): string {
  return isOwnComputer(location.href) ? (made.addresses[0] ?? location.origin) : location.origin;
}

interface Props {
  camera: Pick<Camera, "id" | "name">;
  /** Instead of live video. clip: a saved one. */
  recording?: { from_ms: number; to_ms: number; clip: string; event: string } | undefined;
  onClose: () => void;
}

export default function CastSheet({ camera, recording, onClose }: Props) {
  const lasts = useSignal<Lasts>("hour");
  const made = useSignal<MadeCast | null>(null);
  const casts = useSignal<readonly CastInfo[]>([]);
  const failed = useSignal("");
  const load = () =>
    get<CastList>("/casts").then(
      ({ items }) => (casts.value = items.filter((one) => one.camera === camera.id)),
      (reason: unknown) => (failed.value = sentences(reason)),
    );
  useEffect(() => void load(), [camera.id]);
  const start = async (event: Event) => {
    event.preventDefault();
    failed.value = "";
    try {
      made.value = await post<MadeCast>(`${cameraPath(camera.id)}/casts`, { lasts_s: LASTS_S[lasts.peek()], ...recording });
    } catch (reason) {
      failed.value = sentences(reason);
    }
  };
  const end = async (one: CastInfo) => {
    try {
      await remove(`/casts/${one.id}`);
      stopShown(one.id);
      toast(words.ended(camera.name));
      if (made.peek()?.cast.id === one.id) made.value = null;
      await load();
    } catch (reason) {
      failed.value = sentences(reason);
    }
  };
  const now = made.value;
  const others = casts.value.filter((one) => one.id !== now?.cast.id);
  return (
    <Sheet title={words.title(camera.name)} onClose={onClose} class="cast-sheet">
      {failed.value && (
        <p class="field-bad" role="alert">
          <ServerText text={failed.value} />
        </p>
      )}
      {now ? (
        <>
          <Ways made={now} />
          <Row one={now.cast} onEnd={() => void end(now.cast)} />
        </>
      ) : (
        <form class="cast-form" onSubmit={(event) => void start(event)}>
          <p class="sub">{recording ? words.aboutPast : words.about}</p>
          <Segmented label={words.lasts} value={lasts.value} options={lengths} onChange={(value) => (lasts.value = value)} />
          <button type="submit" class="btn pri">
            <Icon name="cast" small />
            {words.start}
          </button>
        </form>
      )}
      {others.length > 0 && (
        <section aria-labelledby="cast-now">
          <h3 id="cast-now">{words.elsewhere}</h3>
          {others.map((one) => (
            <Row key={one.id} one={one} onEnd={() => void end(one)} />
          ))}
        </section>
      )}
    </Sheet>
  );
}

function Row({ one, onEnd }: { one: CastInfo; onEnd: () => void }) {
  return (
    <div class="cast-row">
      <span class="grow num">
        {one.from_ms === null ? words.until(when(one.ends_ms)) : words.pastUntil(when(one.from_ms), when(one.ends_ms))}
        {one.made_by && <span class="sub"> · {words.by(one.made_by)}</span>}
      </span>
      <button type="button" class="btn" onClick={onEnd}>
        <Icon name="square" small />
        {words.end}
      </button>
    </div>
  );
}

function Ways({ made }: { made: MadeCast }) {
  const base = baseOf(made);
  const link = new URL(made.page, base).href;
  const isLocal = isOwnComputer(base);
  return (
    <>
      {isLocal && <p class="field-bad">{words.local}</p>}
      <Chooser made={made} src={new URL(made.video, base).href} />
      <div class="cast-link">
        <QrCode text={link} label={words.scan} />
        <div class="cast-fields">
          <Address label={words.link} value={link} />
          <p class="small sub">{words.careful}</p>
          <details>
            <summary>{words.players}</summary>
            <Address label={made.cast.from_ms === null ? words.video : words.file} value={new URL(made.video, base).href} />
            <p class="small sub">{words.home(made.type)}</p>
          </details>
        </div>
      </div>
    </>
  );
}

function Address({ label, value }: { label: string; value: string }) {
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  return (
    <label class="cast-address" for={id}>
      <span class="small">{label}</span>
      <span class="row">
        <input ref={field} id={id} readOnly value={value} onFocus={(event) => event.currentTarget.select()} />
        <button
          type="button"
          class="btn"
          onClick={() => {
            field.current?.select(); // what Ctrl-C copies, where the page has no clipboard
            copy(value, words.copied);
          }}
        >
          <Icon name="copy" small />
          {words.copy}
        </button>
      </span>
    </label>
  );
}

type Known = "asking" | "some" | "none";

/** The browser's own list of TVs, where it has one and knows a TV. */
function Chooser({ made, src }: { made: MadeCast; src: string }) {
  const devices = useSignal<Known>("asking");
  const said = useSignal("");
  const video = useRef<WithAirPlay | null>(null);
  useEffect(() => {
    const node: WithAirPlay = document.createElement("video");
    video.current = node;
    node.preload = "metadata";
    node.playsInline = true;
    node.src = src;
    // They outlive the sheet, as what the TV shows does.
    const turned = () => {
      if (isRemote(node)) {
        if (shown && shown.video !== node) stopShown(shown.id);
        shown = { id: made.cast.id, video: node };
        node.play().then(() => (said.value = words.on), () => (said.value = words.failed));
      } else if (shown?.video === node) stopShown(shown.id);
    };
    node.addEventListener("webkitcurrentplaybacktargetiswirelesschanged", turned);
    for (const name of ["connect", "disconnect"]) node.remote?.addEventListener(name, turned);
    const stop = devicesOf(node, (known) => (devices.value = known));
    return () => {
      stop();
      if (shown?.video !== node) silence(node);
    };
  }, [src]);
  const choose = async () => {
    const node = video.current;
    if (!node) return;
    if (!node.src) node.src = src; // a TV has ended it
    said.value = "";
    const why = await refused(node);
    if (why) said.value = why;
  };
  if (devices.value === "asking") return null;
  if (devices.value === "none") return <p class="sub">{words.none}</p>;
  return (
    <div class="cast-form">
      <button type="button" class="btn pri" onClick={() => void choose()}>
        <Icon name="cast" small />
        {words.choose}
      </button>
      {said.value && <p class="small sub" role="status">{said.value}</p>}
    </div>
  );
}

/** Tells whether there are TVs, and again when that changes. Returns what ends it. */
function devicesOf(node: WithAirPlay, tell: (known: Known) => void): () => void {
  if (node.webkitShowPlaybackTargetPicker) {
    const hear = (event: Event) => tell((event as Event & { availability?: string }).availability === "available" ? "some" : "none");
    node.addEventListener("webkitplaybacktargetavailabilitychanged", hear);
    tell("none");
    return () => node.removeEventListener("webkitplaybacktargetavailabilitychanged", hear);
  }
  const remote = node.remote as RemotePlayback | undefined;
  if (!remote) {
    tell("none");
    return () => {};
  }
  // A browser that can't look all the time says so: its list looks when it is opened.
  remote.watchAvailability((are) => tell(are ? "some" : "none")).catch((reason: unknown) => tell(reason instanceof DOMException && reason.name === "NotSupportedError" ? "some" : "none"));
  return () => void remote.cancelWatchAvailability().catch(() => {}); // it wasn't watched
}

/** Opens the browser's list; returns why no TV was chosen. */
async function refused(node: WithAirPlay): Promise<string> {
  try {
    if (node.webkitShowPlaybackTargetPicker) node.webkitShowPlaybackTargetPicker();
    else await node.remote.prompt();
    return "";
  } catch (reason) {
    const isChoice = reason instanceof DOMException && (reason.name === "NotAllowedError" || reason.name === "AbortError");
    return isChoice ? words.choosing : words.failed;
  }
}
