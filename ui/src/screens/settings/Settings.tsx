/** Settings: what was searched for, or the list of its sections, or its first section. */
import { useEffect, useState } from "preact/hooks";
import { plural } from "../../strings";
import { sections as words } from "../../strings/settings-page";
import { Page } from "../../ui/Page";
import { Problem } from "../../ui/Problem";
import { ServerText } from "../../ui/ServerText";
import { allSettings, loadSettings } from "../../ui/SettingForms";
import { session } from "../../ui/session";
import { CamerasPage } from "./Pages";
import { Find, List, chosen, found, query } from "./Nav";
import type { SectionId } from "./sections";

const WIDE = "(min-width: 68.75em)";

/** Whether the sections stand beside what they open. */
function useWide(): boolean {
  const [wide, setWide] = useState(() => matchMedia(WIDE).matches);
  useEffect(() => {
    const media = matchMedia(WIDE);
    const look = () => setWide(media.matches);
    media.addEventListener("change", look);
    return () => media.removeEventListener("change", look);
  }, []);
  return wide;
}

export default function Settings() {
  const wide = useWide();
  const asked = query();
  useEffect(() => {
    if (asked && !allSettings.value && session.value?.user?.role === "owner") void loadSettings().catch(() => {});
  }, [asked !== ""]);
  if (wide && !asked) return <CamerasPage />;
  return (
    <Page title={words.title} class="settings">
      <div class="settings-in">
        {!wide && <Find />}
        {asked ? <Hits asked={asked} /> : <List />}
      </div>
    </Page>
  );
}

function Hits({ asked }: { asked: string }) {
  const { found: all, count } = found();
  const { at, open } = { at: chosen.value, open: (index: number) => (chosen.value = index) };
  useEffect(() => document.querySelector(".hits a.on")?.scrollIntoView({ block: "nearest" }), [at]);
  if (count === 0) return <Problem icon="search" what={words.none(asked)} todo={words.noneDo} />;
  return (
    <section aria-labelledby="hits-title">
      <div role="status">
        <h2 id="hits-title">{plural(count, words.results).replace("{q}", asked)}</h2>
      </div>
      <ul class="card hits">
        {all.map((one, index) => (
          <li key={`${one.href}${one.title}`}>
            <a href={one.href} class={index === at ? "on" : ""} onFocus={() => open(index)}>
              <span class="grow">
                <span class="small sub">
                  {words.names[one.section as SectionId]}
                  {one.where && ` › ${one.where}`}
                </span>
                <br />
                <b>
                  <Marked text={one.title} asked={asked} />
                </b>
                {one.help && (
                  <span class="small sub" lang="en">
                    <br />
                    <ServerText text={one.help} />
                  </span>
                )}
              </span>
              {one.value && <span class="small sub hits-value">{one.value}</span>}
            </a>
          </li>
        ))}
      </ul>
      <p class="small muted only-desk hits-keys">
        <kbd>↑</kbd> <kbd>↓</kbd> {words.keysMove} · <kbd>{words.enter}</kbd> {words.keysOpen} · <kbd>{words.escape}</kbd> {words.keysClear}
      </p>
    </section>
  );
}

function Marked({ text, asked }: { text: string; asked: string }) {
  const at = text.toLowerCase().indexOf(asked.trim().toLowerCase());
  if (at < 0) return <>{text}</>;
  const end = at + asked.trim().length;
  return (
    <>
      {text.slice(0, at)}
      <span class="more">{text.slice(at, end)}</span>
      {text.slice(end)}
    </>
  );
}
