import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { cameraPath, get, put } from "../../api/client";
import { on } from "../../api/state";
import type { Camera, Person } from "../../api/types";
import { camera as words } from "../../strings/camera";
import { useLeaving } from "../../ui/leaving";
import { Facts } from "../../ui/Facts";
import { sentences } from "../../ui/sentences";
import { ServerText } from "../../ui/ServerText";
import { session } from "../../ui/session";
import { toast } from "../../ui/toast";

const w = words.general;

/** The camera's name and group, what it sends, and who can see it. */
export function General({ camera }: { camera: Camera }) {
  /** null: as it is, even if it changes elsewhere meanwhile. */
  const typed = useSignal<string | null>(null);
  const picked = useSignal<Camera["where"] | null>(null);
  const failed = useSignal("");
  const name = typed.value ?? camera.name;
  const group = picked.value ?? camera.where;
  const isSame = name.trim() === camera.name && group === camera.where;
  useEffect(() => on("back", () => (failed.value = "")), []);
  const { sheet } = useLeaving({ isChanged: () => !isSame });
  if (session.value?.user?.role !== "owner") return <p class="small sub tu-note">{words.onlyOwner}</p>;
  const save = async () => {
    failed.value = "";
    try {
      await put(`${cameraPath(camera.id)}/name`, { name: name.trim(), group });
      if ((typed.peek() ?? name) === name) typed.value = null; // not typed on meanwhile
      if ((picked.peek() ?? group) === group) picked.value = null;
      toast(w.saved);
    } catch (reason) {
      failed.value = sentences(reason);
    }
  };
  return (
    <>
      {sheet}
      <div class="tu-main">
        {failed.value && (
          <p class="tu-say connection-refused" role="alert">
            <ServerText text={failed.value} />
          </p>
        )}
        <form
          class="card col"
          aria-labelledby="general-name"
          onSubmit={(event) => {
            event.preventDefault();
            void save();
          }}
        >
          <h2 id="general-name">{w.name}</h2>
          <label class="connection-field">
            <span>{w.shown}</span>
            <input type="text" maxLength={80} value={name} onInput={(event) => (typed.value = event.currentTarget.value)} />
            <span class="small sub">{w.nameSub(camera.id)}</span>
          </label>
          <label class="connection-field">
            <span>{w.group}</span>
            <select value={group} onChange={(event) => (picked.value = event.currentTarget.value as Camera["where"])}>
              {w.groups.map(([value, label]) => (
                <option key={value} value={value}>
                  {label}
                </option>
              ))}
            </select>
            <span class="small sub">{w.groupSub}</span>
          </label>
          <div class="row">
            <button type="submit" class="btn pri" disabled={isSame}>
              {w.save}
            </button>
          </div>
        </form>
      </div>
      <aside class="tu-side">
        <section class="card" aria-labelledby="general-facts">
          <h2 id="general-facts">{words.connection.facts}</h2>
          <div class="camera-facts">
            <Facts camera={camera} />
          </div>
        </section>
        <Seen camera={camera} />
      </aside>
    </>
  );
}

function Seen({ camera }: { camera: Camera }) {
  const people = useSignal<Person[] | null>(null);
  useEffect(() => {
    get<{ items: Person[] }>("/people").then((now) => (people.value = now.items), () => {}); // no list, then
  }, []);
  if (!people.value) return null;
  return (
    <section class="card" aria-labelledby="general-seen">
      <h2 id="general-seen">{w.seen}</h2>
      <ul class="small plain-list">
        {people.value
          .filter((one) => one.cameras === null || one.cameras.includes(camera.id))
          .map((one) => (
            <li key={one.id}>
              {one.name} <span class="sub">{w.roles[one.role]}</span>
            </li>
          ))}
      </ul>
      <a class="btn ghost" href="/settings/people">
        {w.seenChange}
      </a>
    </section>
  );
}
