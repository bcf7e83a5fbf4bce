import { type Signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { cameraPath, get, post, remove } from "../../api/client";
import { cameraNamed, cameras, on } from "../../api/state";
import type { Pass, Share } from "../../api/types";
import { size, when } from "../../ui/times";
import { plural } from "../../strings";
import { passes } from "../../strings/people";
import { share as shareWords } from "../../strings/share";
import { Icon } from "../../ui/Icon";
import { toast } from "../../ui/toast";
import { Address, CameraTicks, focusOnce, seen, tryTo } from "../../ui/Access";
import { Reach } from "../../ui/Reach";
import { ServerText } from "../../ui/ServerText";
import { useLoading } from "../../ui/useLoading";

const words = passes;

interface Made {
  made: Pass;
  secret: string;
  rtsp: string;
}

/** What lets a television or a program see cameras live, or another tawny bring its files. For owners. */
export function Passes() {
  const list = useSignal<readonly Pass[] | null>(null);
  const adding = useSignal(false);
  const made = useSignal<Made | null>(null);
  const load = async () => {
    list.value = (await get<{ items: Pass[] }>("/access-tokens")).items;
  };
  const problem = useLoading(load);
  useEffect(() => on("back", () => void load().catch(() => {})), []); // also after a change whose outcome isn't known
  const take = (pass: Pass) =>
    tryTo(async () => {
      await remove(`/access-tokens/${pass.id}`);
      toast(words.isBack(pass.name));
      made.value = null;
      await load();
    });
  return (
    <section class="card" aria-labelledby="passes-title">
      <div class="row between wrap">
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
            void tryTo(load);
          }}
        />
      )}
      {made.value && <Addresses made={made.value} />}
      {problem}
      {list.value?.length === 0 && <p class="sub settings-note">{words.none}</p>}
      {list.value?.map((pass) => (
        <div key={pass.id} class="setting">
          <div class="grow">
            <b>{pass.name}</b>
            <p class="small sub">
              {pass.brings_bytes === null
                ? seen(pass.cameras, cameras.value)
                : (pass.keeps_ms === null ? words.mayDelete : words.mayBring)(size(pass.brings_bytes))}
              {pass.has_ended && ` · ${pass.maker_lost_access ? words.makerGone : words.ended}`}
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
  const brings = useSignal(false);
  const most = useSignal(50);
  const keep = useSignal(30);
  const submit = (event: Event) => {
    event.preventDefault();
    const keeps = keep.value ? { keeps_ms: keep.value * 86_400_000 } : {};
    const asked = brings.value ? { cameras: [], brings_bytes: most.value * 1e9, ...keeps } : { cameras: chosen.value };
    void tryTo(async () => onMade(await post<Made>("/access-tokens", { name: name.value, ...asked })));
  };
  return (
    <form class="setting access-form" onSubmit={submit}>
      <input
        class="access-name"
        aria-label={words.name}
        placeholder={words.example}
        required
        maxLength={64}
        ref={focusOnce}
        value={name.value}
        onInput={(event) => (name.value = event.currentTarget.value)}
      />
      <select
        class="access-name"
        aria-label={words.purpose}
        value={brings.value ? "brings" : "sees"}
        onChange={(event) => (brings.value = event.currentTarget.value === "brings")}
      >
        <option value="sees">{words.sees}</option>
        <option value="brings">{words.brings}</option>
      </select>
      {brings.value ? (
        <>
          <Amount label={words.most} unit={words.unit} least={1} most={100_000} value={most} />
          <Amount label={words.keep} unit={words.days} least={0} most={3650} value={keep} />
          <p class="small sub">{words.keepWhy}</p>
        </>
      ) : (
        <CameraTicks chosen={chosen.value} onChange={(next) => (chosen.value = next)} />
      )}
      <button type="submit" class="btn pri">
        {words.make}
      </button>
    </form>
  );
}

function Amount(props: { label: string; unit: string; least: number; most: number; value: Signal<number> }) {
  const { label, unit, least, most, value } = props;
  return (
    <label class="row access-most">
      {label}
      <input
        class="access-name"
        type="number"
        min={least}
        max={most}
        required
        value={value.value}
        onInput={(event) => (value.value = event.currentTarget.valueAsNumber)}
      />
      {unit}
    </label>
  );
}

/** Of a camera, and of where something happens: for a television, a tablet, a program. */
function Addresses({ made: { made, secret, rtsp } }: { made: Made }) {
  if (made.brings_bytes !== null) {
    const scheme = location.protocol === "https:" ? "tawny" : "tawny+http";
    return (
      <div class="setting access-made">
        <p class="sub">{words.onceThere}</p>
        <Address label={words.there} value={`${scheme}://:${secret}@${location.host}/`} />
        <Reach address={location.href} />
      </div>
    );
  }
  const camera = made.cameras?.[0] ?? cameras.value[0]?.id ?? "";
  const http = (path: string) => new URL(`${path}?pass=${secret}`, location.href).href;
  const byRtsp = (path: string) =>
    rtsp ? `rtsp://${made.id}:${secret}@${location.hostname}:${rtsp.split(":").at(-1) ?? ""}/${path}` : null;
  const one = `/api/v1${cameraPath(camera)}`;
  const name = cameraNamed(camera);
  const many = (made.cameras?.length ?? cameras.value.length) > 1;
  return (
    <div class="setting access-made">
      <p class="sub">{words.once}</p>
      <Places title={name} page={http(`/embed/${camera}`)} picture={http(`${one}/mjpeg`)} hls={http(`${one}/hls/index.m3u8`)} rtsp={byRtsp(camera)} />
      {many && (
        <Places
          title={words.follow}
          page={http("/embed")}
          picture={http("/api/v1/live/follow/mjpeg")}
          hls={http("/api/v1/live/follow/hls/index.m3u8")}
          rtsp={byRtsp("live/follow")}
        />
      )}
      {!rtsp && <p class="small muted"><ServerText text={words.off} /></p>}
      <Reach address={location.href} />
    </div>
  );
}

function Places(to: { title: string; page: string; picture: string; hls: string; rtsp: string | null }) {
  return (
    <>
      <h3 class="access-what">{to.title}</h3>
      {(["page", "picture", "hls", "rtsp"] as const).map((way) => {
        const value = to[way];
        return value ? <Address key={way} label={`${words[way]}, ${to.title}`} word={words[way]} value={value} /> : null;
      })}
    </>
  );
}

const links = shareWords.list;

/** Links that still work: an owner's are everybody's. */
export function SharedLinks() {
  const list = useSignal<readonly Share[] | null>(null);
  const load = async () => {
    list.value = (await get<{ items: Share[] }>("/shares")).items;
  };
  const problem = useLoading(load);
  useEffect(() => on("back", () => void load().catch(() => {})), []); // also after a change whose outcome isn't known
  const end = (share: Share) =>
    tryTo(async () => {
      await remove(`/shares/${share.id}`);
      toast(links.ended);
      await load();
    });
  return (
    <section class="card" aria-labelledby="links-title">
      <h2 id="links-title">{links.title}</h2>
      {problem}
      {list.value?.length === 0 && <p class="sub settings-note">{links.none}</p>}
      {list.value?.map((share) => (
        <div key={share.id} class="setting">
          <div class="grow">
            <b>
              {seen([share.camera], cameras.value)}, {when(share.from_ms)}
            </b>
            <p class="small sub num">
              {shareWords.until(when(share.ends_ms))} · {share.opened === 0 ? links.never : plural(share.opened, links.opened)}
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
