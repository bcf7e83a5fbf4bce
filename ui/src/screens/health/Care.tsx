/** Who looks after the recorder itself: the self-test of every night, or of now, and the sign of life that it sends. */
import { useEffect, useState } from "preact/hooks";
import { get, post } from "../../api/client";
import type { CareInfo } from "../../api/schema";
import { session } from "../../ui/session";
import { when } from "../../ui/times";
import { plural } from "../../strings";
import { health } from "../../strings/health";
import { Icon } from "../../ui/Icon";
import { ServerText } from "../../ui/ServerText";

const words = health.care;
const LOOK_MS = 15_000;
const TESTING_MS = 1_500;

/** What the recorder says of itself; asked again now and then, and often while a test runs. */
export function useCare(): [CareInfo | null, () => void] {
  const [care, setCare] = useState<CareInfo | null>(null);
  const [asked, setAsked] = useState(0);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let wanted = true;
    const look = () => {
      get<CareInfo>("/monitoring").then(
        (now) => {
          if (!wanted) return;
          setCare(now);
          timer = setTimeout(look, now.testing ? TESTING_MS : LOOK_MS);
        },
        () => {
          if (wanted) timer = setTimeout(look, LOOK_MS);
        },
      );
    };
    look();
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [asked]);
  return [care, () => setAsked(asked + 1)];
}

export function Care({ care, onAsked }: { care: CareInfo | null; onAsked: () => void }) {
  if (!care) return null;
  const { self_test: tested, check_in: sign } = care;
  const isOwner = session.value?.user?.role === "owner";
  const test = () => care.testing || void post("/self-test").then(onAsked, onAsked);
  return (
    <div class="card care">
      <div class="row between">
        <h2>{words.title}</h2>
        {care.alarms.length === 0 ? (
          <span class="tag ok">{words.calm}</span>
        ) : (
          <span class="tag warn">{plural(care.alarms.length, words.alarms)}</span>
        )}
      </div>
      <div class="care-test" role="status">
        <b>{words.test}</b>
        {care.testing ? (
          <p class="small sub">{words.testing}</p>
        ) : !tested ? (
          <p class="small sub">{words.notYet}</p>
        ) : tested.minutes + tested.files + tested.problems.length === 0 ? (
          <p class="small sub">{words.nothingYet}</p>
        ) : (
          <>
            <ul class="small">
              <Ticked ok={tested.problems.length === 0}>
                {plural(tested.minutes, words.played)}
              </Ticked>
              <Ticked ok={tested.problems.length === 0}>{plural(tested.files, words.compared)}</Ticked>
            </ul>
            {tested.problems.map((problem) => (
              <p key={problem} class="small care-problem">
                <ServerText text={problem} />
              </p>
            ))}
            <p class="small muted">{words.at(when(tested.at_ms))}</p>
          </>
        )}
        {isOwner && (
          <button type="button" class="btn care-do" aria-disabled={care.testing} onClick={test}>
            {words.now}
          </button>
        )}
      </div>
      <div class="care-test">
        <b>{words.sign}</b>
        {!sign ? (
          <p class="small sub">
            <ServerText text={words.noSign} />
          </p>
        ) : (
          <p class={`small ${sign.trouble ? "care-problem" : "sub"}`}>
            <ServerText
              text={
                sign.trouble ||
                (sign.last_ms === null ? words.signSoon(sign.host) : words.signSent(sign.host, when(sign.last_ms)))
              }
            />
            {!sign.sent && ` ${words.signStays}`}
          </p>
        )}
      </div>
    </div>
  );
}

function Ticked({ ok, children }: { ok: boolean; children: string }) {
  return (
    <li class="row">
      <Icon name={ok ? "circle-check" : "triangle-alert"} small class={ok ? "care-ok" : "care-problem"} />
      {children}
    </li>
  );
}

/** Since when an alarm says this; null when none does. */
export function sinceOf(care: CareInfo | null, message: string): number | null {
  return care?.alarms.find((alarm) => message.endsWith(alarm.detail))?.since_ms ?? null;
}

/** What to do about it, in words for this page: the recorder's name the page, as they are also in notifications. */
export function hintOf(care: CareInfo | null, { message, hint }: { message: string; hint: string }): string {
  if (!tellsHistory(care, message)) return hint;
  return isOfHistory(care, message) ? health.history.todo : health.history.todoOwner;
}

/** Whether this is the problem that only the owner can end, and this is the owner. */
export function isOfHistory(care: CareInfo | null, message: string): boolean {
  return isOwner() && tellsHistory(care, message);
}

/** Whether the page of the standby shows more about this problem, and this person may open it. */
export const isOfStandby = (care: CareInfo | null, message: string): boolean => isOwner() && isOf(care, message, "standby");

const isOwner = () => session.value?.user?.role === "owner";

const tellsHistory = (care: CareInfo | null, message: string): boolean => isOf(care, message, "history");

const isOf = (care: CareInfo | null, message: string, what: string): boolean =>
  !!care?.alarms.some((alarm) => alarm.what === what && message.endsWith(alarm.detail));
