import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, post, remove } from "../../api/client";
import type { KnownList } from "../../api/types";
import { plural } from "../../strings";
import { Icon } from "../../ui/Icon";
import { toast } from "../../ui/toast";
import { NeededField, tryTo } from "../../ui/Access";
import { known as words } from "../../strings/known";
import { ServerText } from "../../ui/ServerText";

/** Who and what is known by name, and forgetting it. For owners. */
export function Known() {
  const told = useSignal<KnownList | null>(null);
  const name = useSignal("");
  const plate = useSignal("");
  useEffect(() => void tryTo(async () => void (told.value = await get<KnownList>("/known"))), []);
  if (!told.value) return null;
  const { items, trouble } = told.value;
  const forget = (path: string, said: string) =>
    tryTo(async () => {
      told.value = await remove<KnownList>(path);
      toast(said);
    });
  const add = () =>
    tryTo(async () => {
      told.value = await post<KnownList>("/known/plates", { name: name.value.trim(), plate: plate.value });
      name.value = plate.value = "";
    });
  return (
    <section class="card" aria-labelledby="known-title">
      <div class="row between">
        <h2 id="known-title">{words.title}</h2>
        {items.length > 1 && (
          <button type="button" class="btn ghost" onClick={() => void forget("/known", words.allForgotten)}>
            {words.forgetAll}
          </button>
        )}
      </div>
      <p class="small sub models-sub">{words.sub}</p>
      {trouble && <p class="small settings-note models-trouble"><ServerText text={trouble} /></p>}
      {items.map((one) => (
        <div key={one.id} class="setting">
          <div class="grow">
            <b>{one.name}</b>
            <p class="small sub">{one.text ? words.plate(one.text) : `${one.by} · ${plural(one.prints, words.pictures)}`}</p>
          </div>
          <button
            type="button"
            class="btn ghost"
            aria-label={words.forgetOne(one.name)}
            onClick={() => void forget(`/known/${encodeURIComponent(one.id)}`, words.forgotten(one.name))}
          >
            <Icon name="trash-2" small />
            {words.forget}
          </button>
        </div>
      ))}
      <form
        class="known-add"
        onSubmit={(event) => {
          event.preventDefault();
          void add();
        }}
      >
        <NeededField label={words.name} value={name} most={60} />
        <NeededField label={words.plateField} value={plate} most={20} />
        <button type="submit" class="btn">
          <Icon name="plus" small />
          {words.add}
        </button>
      </form>
    </section>
  );
}
