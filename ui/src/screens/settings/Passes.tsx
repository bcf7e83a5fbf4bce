import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, post, remove } from "../../api/client";
import { cameras } from "../../api/state";
import type { Pass, Share } from "../../api/types";
import { when } from "../../app/times";
import { plural, t } from "../../strings.en";
import { Icon } from "../../ui/Icon";
import { toast } from "../../ui/toast";
import { Address, CameraTicks, seen, tryTo } from "./Access";

const words = t.settings.passes;

interface Made {
  made: Pass;
  secret: string;
  rtsp: string;
}

/** What lets a television or a program see cameras live. For owners. */
export function Passes() {
  const list = useSignal<readonly Pass[]>([]);
  const adding = useSignal(false);
  const made = useSignal<Made | null>(null);
  const load = async () => {
    list.value = (await get<{ items: Pass[] }>("/passes")).items;
  };
  useEffect(() => void load(), []);
  const take = (pass: Pass) =>
    tryTo(async () => {
      await remove(`/passes/${pass.id}`);
      toast(words.isBack(pass.name));
      made.value = null;
      await load();
    });
  return (
    <section class="card" aria-labelledby="passes-title">
      <div class="row between">
        <h2 id="passes-title">{words.title}</h2>
        <button type="button" class="btn" aria-expanded={adding.value} onClick={() => (adding.value = !adding.value)}>
          <Icon name="plus" small />
          {words.add}
        </button>
      </div>
      <p class="small sub">{words.sub}</p>
      {adding.value && (
        <NewPass
          onMade={(next) => {
            made.value = next;
            adding.value = false;
            void load();
          }}
        />
      )}
      {made.value && <Addresses made={made.value} />}
      {list.value.length === 0 && <p class="sub settings-note">{words.none}</p>}
      {list.value.map((pass) => (
        <div key={pass.id} class="setting">
          <div class="grow">
            <b>{pass.name}</b>
            <p class="small sub">
              {seen(pass.cameras, cameras.value)}
              {pass.has_ended && ` · ${words.ended}`}
            </p>
          </div>
          <button type="button" class="btn ghost" onClick={() => void take(pass)}>
            {words.back}
          </button>
        </div>
      ))}
    </section>
  );
}

function NewPass({ onMade }: { onMade: (made: Made) => void }) {
  const name = useSignal("");
  const chosen = useSignal<string[] | null>(null);
  const submit = (event: Event) => {
    event.preventDefault();
    void tryTo(async () => onMade(await post<Made>("/passes", { name: name.value, cameras: chosen.value })));
  };
  return (
    <form class="setting access-form" onSubmit={submit}>
      <input
        class="access-name"
        aria-label={words.name}
        placeholder={words.example}
        required
        maxLength={64}
        autofocus
        value={name.value}
        onInput={(event) => (name.value = event.currentTarget.value)}
      />
      <CameraTicks chosen={chosen.value} onChange={(next) => (chosen.value = next)} />
      <button type="submit" class="btn pri">
        {words.make}
      </button>
    </form>
  );
}

function Addresses({ made }: { made: Made }) {
  const camera = made.made.cameras?.[0] ?? cameras.value[0]?.id ?? "";
  const path = `/api/v1/cameras/${encodeURIComponent(camera)}/mjpeg?pass=${made.secret}`;
  const port = made.rtsp.split(":").at(-1) ?? "";
  return (
    <div class="setting access-made">
      <p class="sub">{words.once}</p>
      <b class="small">{words.picture}</b>
      <Address label={words.picture} value={new URL(path, location.href).href} />
      <b class="small">{words.rtsp}</b>
      {made.rtsp ? (
        <Address
          label={words.rtsp}
          value={`rtsp://${made.made.id}:${made.secret}@${location.hostname}:${port}/${camera}`}
        />
      ) : (
        <p class="small muted">{words.off}</p>
      )}
    </div>
  );
}

const links = t.share.list;

/** Links that still work: an owner's are everybody's. */
export function SharedLinks() {
  const list = useSignal<readonly Share[]>([]);
  const load = async () => {
    list.value = (await get<{ items: Share[] }>("/shares")).items;
  };
  useEffect(() => void load(), []);
  const end = (share: Share) =>
    tryTo(async () => {
      await remove(`/shares/${share.id}`);
      toast(links.ended);
      await load();
    });
  if (list.value.length === 0) return null;
  return (
    <section class="card" aria-labelledby="links-title">
      <h2 id="links-title">{links.title}</h2>
      {list.value.map((share) => (
        <div key={share.id} class="setting">
          <div class="grow">
            <b>
              {seen([share.camera], cameras.value)}, {when(share.from_ms)}
            </b>
            <p class="small sub num">
              {t.share.until(when(share.ends_ms))} · {share.opened === 0 ? links.never : plural(share.opened, links.opened)}
              {share.has_code && `, ${links.withCode}`}
            </p>
          </div>
          <button type="button" class="btn ghost" onClick={() => void end(share)}>
            <Icon name="x" small />
            {links.end}
          </button>
        </div>
      ))}
    </section>
  );
}
