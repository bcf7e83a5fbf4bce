import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, post, remove } from "../api/client";
import type { PhoneCode, PhoneCodeInfo } from "../api/schema";
import type { Camera } from "../api/types";
import { phoneCamera } from "../strings/phone-camera";
import { Problem } from "./Problem";
import { QrCode } from "./QrCode";
import { type AddedRecording, RecordChoice } from "./RecordChoice";
import { sentences } from "./sentences";
import { ServerText } from "./ServerText";
import { clock } from "./times";
import { toast } from "./toast";
import "./phone-pairing.css";

const words = phoneCamera.pair;
const LOOK_MS = 1000;
/** After this without an image, the way on is offered. */
const LATE_MS = 15_000;

interface Props {
  /** A camera that gets another phone; without it a new one is added. */
  camera?: string;
  onJoined: (camera: string) => void;
}

/** A one-time code for a phone, which becomes a camera with it. Follows the phone until its first image is here. */
export function PhonePairing({ camera, onJoined }: Props) {
  const name = useSignal("");
  const record = useSignal<AddedRecording>("continuous");
  const code = useSignal<PhoneCode | null>(null);
  const failed = useSignal("");
  const make = async () => {
    failed.value = "";
    try {
      code.value = await post<PhoneCode>("/phone-codes", camera ? { camera } : { name: name.value.trim(), record: record.value });
    } catch (reason) {
      failed.value = sentences(reason);
    }
  };
  useEffect(() => {
    if (camera) void make();
  }, []);
  return (
    <div class="col pair">
      {failed.value && (
        <p class="pair-refused" role="alert">
          <ServerText text={failed.value} />
        </p>
      )}
      {code.value ? (
        code.value.is_secure ? (
          <Waiting key={code.value.id} code={code.value} before={camera ? null : name.value.trim()} onAnother={() => void make()} onJoined={onJoined} />
        ) : (
          <Problem {...words.insecure} href={location.pathname.startsWith("/setup") ? "/settings/address?from=setup" : "/settings/address"} />
        )
      ) : (
        !camera && (
          <form
            class="col pair"
            onSubmit={(event) => {
              event.preventDefault();
              void make();
            }}
          >
            <label class="pair-field">
              <span>{words.name}</span>
              <input
                type="text"
                required
                maxLength={80}
                autocomplete="off"
                list="pair-ideas"
                value={name.value}
                onInput={(event) => (name.value = event.currentTarget.value)}
              />
            </label>
            <datalist id="pair-ideas">
              {words.ideas.map((idea) => (
                <option key={idea} value={idea} />
              ))}
            </datalist>
            <RecordChoice value={record.value} onChange={(value) => (record.value = value)} />
            <div class="row">
              <button type="submit" class="btn pri" disabled={!name.value.trim()}>
                {words.show}
              </button>
            </div>
          </form>
        )
      )}
    </div>
  );
}

/** before: the name of the new camera; null: an existing one, which may have images already. */
function Waiting({ code, before, onAnother, onJoined }: { code: PhoneCode; before: string | null; onAnother: () => void; onJoined: (camera: string) => void }) {
  const now = useSignal<PhoneCodeInfo>({ state: "waiting", camera: null, problem: "" });
  const copied = useSignal(false);
  const late = useSignal(false);
  const { state, camera } = now.value;
  useEffect(() => {
    if (state !== "waiting" && state !== "joining") return undefined;
    const look = () => get<PhoneCodeInfo>(`/phone-codes/${code.id}`).then((is) => (now.value = is), () => {}); // the next look may succeed
    const timer = setInterval(() => void look(), LOOK_MS);
    return () => clearInterval(timer);
  }, [state]);
  useEffect(() => () => void remove(`/phone-codes/${code.id}`).catch(() => {}), []); // it ends by itself after ten minutes
  useEffect(() => {
    if (!camera) return undefined;
    const look = async () => {
      const { items } = await get<{ items: Camera[] }>("/cameras");
      const found = items.find(({ id }) => id === camera);
      if (!found?.fps && found?.state !== "recording" && found?.state !== "waiting") return;
      if (before) toast(words.joined(before));
      onJoined(camera);
    };
    const timer = setInterval(() => void look().catch(() => {}), LOOK_MS); // the next look may succeed
    const patience = setTimeout(() => (late.value = true), LATE_MS);
    return () => {
      clearInterval(timer);
      clearTimeout(patience);
    };
  }, [camera]);
  const copy = (field: HTMLInputElement | null) => {
    field?.select();
    // On secure pages only; elsewhere it is selected, to be copied by hand.
    void navigator.clipboard?.writeText(code.link).then(() => (copied.value = true), () => {});
  };
  if (state === "ended" || state === "failed")
    return <Problem what={now.value.problem || words.ended} button={words.another} onPress={onAnother} />;
  const said = { waiting: words.waiting, joining: words.joining, joined: late.value ? words.late : words.image }[state];
  return (
    <div class="pair-code">
      {state === "waiting" && <QrCode text={code.link} label={words.code} />}
      <div class="col">
        {state === "waiting" && (
          <>
            <p>{words.scan}</p>
            <div class="row pair-link">
              <input
                type="text"
                readOnly
                value={code.link}
                aria-label={words.link}
                onFocus={(event) => event.currentTarget.select()}
              />
              <button type="button" class="btn" onClick={(event) => copy(event.currentTarget.parentElement?.querySelector("input") ?? null)}>
                {copied.value ? words.copied : words.copy}
              </button>
            </div>
            <p class="small sub">{words.once(clock(code.ends_ms))}</p>
            {!code.is_reachable && <p class="small pair-warn">{words.onlyHere}</p>}
          </>
        )}
        <p class="sub" role="status">
          {said}
        </p>
        {late.value && camera && (
          <button type="button" class="btn" onClick={() => onJoined(camera)}>
            {words.go}
          </button>
        )}
      </div>
    </div>
  );
}
