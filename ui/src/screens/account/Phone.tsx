import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, post } from "../../api/client";
import type { MySignIn, PhoneLink, PhoneLinkState } from "../../api/schema";
import { mine } from "../../strings/my-account";
import { share } from "../../strings/share";
import { device } from "../../ui/agents";
import { focusOnce } from "../../ui/Access";
import { Icon } from "../../ui/Icon";
import { QrCode } from "../../ui/QrCode";
import { ConfirmSheet, change } from "../../ui/confirm";

const words = mine.phone;
const LOOK_MS = 1500;

/** Signs a phone in by a QR code, and says when it is connected. */
export function Phone({ onConnected }: { onConnected: () => Promise<void> }) {
  const link = useSignal<PhoneLink | null>(null);
  const state = useSignal<PhoneLinkState | null>(null);
  const show = () =>
    change(async () => {
      link.value = await post<PhoneLink>("/me/phone");
      state.value = { state: "waiting", agent: "" };
    });
  const id = link.value?.id;
  useEffect(() => {
    if (!id) return undefined;
    const look = () =>
      get<PhoneLinkState>(`/me/phone/${id}`).then(
        (now) => {
          state.value = now;
          if (now.state === "waiting") return;
          clearInterval(timer);
          if (now.state === "connected") void onConnected();
        },
        () => {
          // Without a connection the page says so; the next look may succeed.
        },
      );
    const timer = setInterval(() => void look(), LOOK_MS);
    return () => clearInterval(timer);
  }, [id]);
  const now = state.value?.state;
  return (
    <section class="card" aria-labelledby="phone-title">
      <div class="row between wrap">
        <h2 id="phone-title">{words.title}</h2>
        {now !== "waiting" && (
          <button type="button" class="btn" onClick={() => void show()}>
            {now ? words.again : words.show}
          </button>
        )}
      </div>
      <p class="small sub">{words.sub}</p>
      {link.value && now === "waiting" && (
        <div class="setting access-made" tabIndex={-1} ref={focusOnce}>
          {link.value.is_reachable ? <p class="sub">{words.scan}</p> : <p>{share.unreachable}</p>}
          <QrCode text={link.value.link} label={words.picture} />
        </div>
      )}
      <p class="settings-note" role="status">
        {now === "waiting" && words.waiting}
        {now === "ended" && words.ended}
        {now === "connected" && (
          <>
            <Icon name="circle-check" small /> {words.connected(device(state.value?.agent ?? "") || mine.sessions.unknown)}
          </>
        )}
      </p>
    </section>
  );
}

/** The same on a page that has nothing else of the account. */
export function PhoneAlone() {
  const now = useSignal<MySignIn | null>(null);
  const load = async () => {
    now.value = await get<MySignIn>("/me");
  };
  useEffect(() => void load().catch(() => {}), []); // without it there is one offer less
  return (
    now.value && (
      <>
        <Phone onConnected={load} />
        <ConfirmSheet now={now.value} />
      </>
    )
  );
}
