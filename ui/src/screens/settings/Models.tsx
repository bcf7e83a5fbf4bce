import { useSignal } from "@preact/signals";
import { get, post, remove } from "../../api/client";
import type { ModelsInfo, RecommendedModel } from "../../api/types";
import { size } from "../../ui/times";
import { models } from "../../strings/models";
import { Icon } from "../../ui/Icon";
import { toast } from "../../ui/toast";
import { tryTo } from "../../ui/Access";
import { ServerText } from "../../ui/ServerText";
import { useLoading } from "../../ui/useLoading";

const words = models;

/** The models that name what moves, and the one that we recommend. For owners. */
export function Models() {
  const told = useSignal<ModelsInfo | null>(null);
  const problem = useLoading(async () => {
    told.value = await get<ModelsInfo>("/models");
  });
  if (!told.value) return <>{problem}</>;
  const { items, offer, trouble, suggests, again } = told.value;
  const take = (name: string) =>
    tryTo(async () => {
      told.value = await remove<ModelsInfo>(`/models/${encodeURIComponent(name)}`);
      toast(words.removed(name));
    });
  return (
    <section class="card" aria-labelledby="models-title">
      <h2 id="models-title">{words.title}</h2>
      <p class="small sub models-sub">{words.sub}</p>
      {trouble && <p class="small settings-note models-trouble"><ServerText text={trouble} /></p>}
      {items.map((one) => (
        <div key={one.name} class="setting">
          <div class="grow">
            <b>{one.name}</b>
            <p class="small sub">
              {words.about(one.family, one.labels, size(one.bytes), one.licence)}
              {one.is_used && ` · ${words.used}`}
            </p>
          </div>
          <button type="button" class="btn ghost" onClick={() => void take(one.name)}>
            <Icon name="trash-2" small />
            {words.remove}
          </button>
        </div>
      ))}
      {again && !again.is_over && <p class="small sub">{words.again(again.done, again.total)}</p>}
      {suggests && (
        <details class="models-card">
          <summary>{words.suggests}</summary>
          <p class="small sub"><ServerText text={suggests} /></p>
        </details>
      )}
      {offer && <Offer offer={offer} onFetched={(next) => (told.value = next)} />}
    </section>
  );
}

/** What it is, where it comes from and its licence are shown before anything is fetched. */
function Offer({ offer, onFetched }: { offer: RecommendedModel; onFetched: (next: ModelsInfo) => void }) {
  const isFetching = useSignal(false);
  const fetchIt = () =>
    tryTo(async () => {
      isFetching.value = true;
      try {
        onFetched(await post<ModelsInfo>("/models/recommended"));
        toast(words.fetched(offer.name));
      } finally {
        isFetching.value = false;
      }
    });
  return (
    <div class="setting models-offer">
      <div class="grow">
        <b>{words.recommended}</b>
        <p class="small sub">{words.offer(offer.origin, offer.licence, size(offer.bytes))}</p>
        <details class="small muted models-from">
          <summary>{words.details}</summary>
          {words.from} <span class="num">{offer.address}</span>
          <br />
          {words.checksum} <span class="num">{offer.sha256}</span>
        </details>
      </div>
      <button type="button" class="btn pri" disabled={isFetching.value} onClick={() => void fetchIt()}>
        <Icon name="download" small />
        {isFetching.value ? words.fetching : words.fetch}
      </button>
    </div>
  );
}
