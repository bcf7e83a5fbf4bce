/** Offers object detection where events are looked at, once: to owners without a model, until they say not now. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, post } from "../../api/client";
import type { ModelsInfo } from "../../api/types";
import { levels } from "../../strings/levels";
import { models as words } from "../../strings/models";
import { tryTo } from "../../ui/Access";
import { Icon } from "../../ui/Icon";
import { recall, remember } from "../../ui/remember";
import { size } from "../../ui/times";
import { toast } from "../../ui/toast";
import "./model-offer.css";

const LATER = "model-later";

export default function ModelOffer() {
  const told = useSignal<ModelsInfo | null>(null);
  const isFetching = useSignal(false);
  const isLater = useSignal(recall(LATER) !== null);
  useEffect(() => {
    if (!isLater.value)
      get<ModelsInfo>("/models").then(
        (found) => (told.value = found),
        () => {
          // No model can be had here.
        },
      );
  }, []);
  const offer = told.value?.items.length === 0 ? told.value.offer : null;
  if (!offer || isLater.value) return null;
  const later = () => {
    remember(LATER, "1");
    isLater.value = true;
  };
  const fetchIt = () =>
    tryTo(async () => {
      isFetching.value = true;
      try {
        told.value = await post<ModelsInfo>("/models/recommended");
        toast(words.fetched(offer.name));
      } finally {
        isFetching.value = false;
      }
    });
  return (
    <section class="model-offer" aria-labelledby="model-offer-title">
      <div class="grow">
        <h2 id="model-offer-title">{levels.offer.title}</h2>
        <p class="small sub">
          {levels.offer.sub} {words.offer(offer.origin, offer.licence, size(offer.bytes))}
        </p>
      </div>
      <div class="row wrap">
        <button type="button" class="btn pri" disabled={isFetching.value} onClick={() => void fetchIt()}>
          <Icon name="download" small />
          {isFetching.value ? words.fetching : words.fetch}
        </button>
        <button type="button" class="btn ghost" onClick={later}>
          {levels.offer.later}
        </button>
      </div>
    </section>
  );
}
