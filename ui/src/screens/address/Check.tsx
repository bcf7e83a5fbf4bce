import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, post } from "../../api/client";
import type { CheckInfo, CheckStarted } from "../../api/schema";
import { address } from "../../strings/address";
import { Icon } from "../../ui/Icon";
import { QrCode } from "../../ui/QrCode";
import { sentences } from "../../ui/sentences";
import { ServerText } from "../../ui/ServerText";

const words = address.check;
const POLL_MS = 1000;

/** A phone opens the address by a QR code and reports; this page shows what it reports while it does. */
export function Check({ url }: { url: string }) {
  const begun = useSignal<CheckStarted | null>(null);
  const found = useSignal<CheckInfo | null>(null);
  const failed = useSignal("");
  const start = async () => {
    failed.value = "";
    found.value = null;
    try {
      begun.value = await post<CheckStarted>("/address/check");
    } catch (reason) {
      failed.value = sentences(reason);
    }
  };
  const key = begun.value?.key;
  const state = found.value?.state ?? "waiting";
  const over = state === "done" || state === "ended";
  useEffect(() => {
    if (!key || over) return undefined;
    const look = () => get<CheckInfo>(`/address/check/${key}`).then((now) => (found.value = now), () => {});
    const timer = setInterval(() => void look(), POLL_MS);
    return () => clearInterval(timer);
  }, [key, over]);
  const possible = url.startsWith("https://");
  return (
    <section class="card" aria-labelledby="check-title">
      <div class="row between wrap">
        <div class="grow">
          <h2 id="check-title">{words.title}</h2>
          <p class="small sub">{possible ? words.sub : words.none}</p>
        </div>
        <button type="button" class={begun.value ? "btn" : "btn pri"} disabled={!possible} onClick={() => void start()}>
          {begun.value ? words.again : words.start}
        </button>
      </div>
      {failed.value && (
        <p class="address-bad" role="alert">
          <ServerText text={failed.value} />
        </p>
      )}
      {begun.value && state === "waiting" && (
        <div class="address-install">
          <QrCode text={begun.value.url} label={words.qr} />
          <div class="col">
            <p>{words.scan}</p>
            <p role="status">{words.waiting}</p>
            <p class="small sub">{words.hint}</p>
          </div>
        </div>
      )}
      {state === "ended" && <p role="status">{words.ended}</p>}
      {found.value && (state === "open" || state === "done") && <Outcomes found={found.value} />}
    </section>
  );
}

function Outcomes({ found }: { found: CheckInfo }) {
  return (
    <div role="status">
      <h3>{words.whose(found.person, found.device || words.device)}</h3>
      <ul class="address-outcomes">
        <li>
          <Icon name="circle-check" /> {words.reached}
        </li>
        {(["trusted", "socket", "webrtc", "push"] as const).map((one) => (
          <Line key={one} what={one} outcome={found[one]} />
        ))}
      </ul>
    </div>
  );
}

function Line({ what, outcome }: { what: "trusted" | "socket" | "webrtc" | "push"; outcome: string }) {
  const said =
    outcome === "home-screen" ? words.homeScreen : outcome === "yes" ? words.yes[what] : outcome === "no" ? words.no[what] : `${words.wait[what]}…`;
  const icon = outcome === "yes" ? "circle-check" : outcome === "waiting" ? "clock" : "triangle-alert";
  return (
    <li class={outcome === "yes" || outcome === "waiting" ? "" : "address-warn"}>
      <Icon name={icon} /> {said}
    </li>
  );
}
