import { useSignal } from "@preact/signals";
import { get } from "../../api/client";
import type { AuditEntry, AuditLog } from "../../api/schema";
import { fromServer } from "../../strings/language";
import { accessLog as words } from "../../strings/people";
import { Segmented } from "../../ui/Segmented";
import { ServerText } from "../../ui/ServerText";
import { when } from "../../ui/times";
import { useLoading } from "../../ui/useLoading";
import "./access-log.css";

type Only = "sign-ins" | "refused" | "all";
const ROWS = 8;
const GRANTS = ["user added", "user changed"];
const INSTANT = /\d{4}-\d\d-\d\dT[\d:.]+Z/g;

/** Who signed in, when and from where, and what was refused. */
export function AccessLog() {
  const only = useSignal<Only>("sign-ins");
  const items = useSignal<readonly AuditEntry[] | null>(null);
  const chosen = only.value;
  const problem = useLoading(async () => {
    items.value = null;
    const log = await get<AuditLog>("/audit", { only: chosen, limit: 200 });
    if (only.peek() === chosen) items.value = log.items;
  }, chosen);
  const isLoading = items.value === null && !problem;
  const options = [
    { value: "sign-ins", label: words.signIns },
    { value: "refused", label: words.refused },
    { value: "all", label: words.all },
  ] as const;
  return (
    <section class="card" aria-labelledby="log-title" aria-busy={isLoading}>
      <div class="row between wrap">
        <h2 id="log-title">{words.title}</h2>
        <Segmented label={words.show} value={chosen} options={options} onChange={(next) => (only.value = next)} />
      </div>
      <p class="small sub">
        <ServerText text={words.sub} />
      </p>
      <p class="hidden" role="status">
        {isLoading ? words.loading : ""}
      </p>
      {problem}
      {items.value?.length === 0 ? (
        <p class="muted settings-note">{words.none}</p>
      ) : (
        <ol class="access-log">
          {isLoading
            ? Array.from({ length: ROWS }, (_, row) => <li key={row} class="access-log-wait" aria-hidden="true" />)
            : items.value?.map((one, row) => <Entry key={row} one={one} />)}
        </ol>
      )}
    </section>
  );
}

function Entry({ one }: { one: AuditEntry }) {
  return (
    <li>
      <span class="num muted">{when(one.at_ms)}</span>
      <b>{one.person || words.noName}</b>
      <span>
        {words.actions[one.action] ?? fromServer(one.action)}
        {one.detail && <span class="sub">: {detailOf(one)}</span>}
      </span>
      <span class="num sub">{one.address}</span>
    </li>
  );
}

/** Rights in the page's language; other details are names and values. Times are those of the recorder, like all here. */
function detailOf({ action, detail }: AuditEntry): string {
  const text = GRANTS.includes(action) ? detail.split(" -> ").map(fromServer).join(" -> ") : detail;
  return text.replace(INSTANT, (at) => when(Date.parse(at)));
}
