import type { Camera } from "../../api/types";
import { camera as words } from "../../strings/camera";

export const TABS = ["general", "recording", "picture", "motion", "sound", "connection", "danger"] as const;
export type Tab = (typeof TABS)[number];

/** As the address has it; motion where it says nothing. */
export function tabNamed(text: string | undefined): Tab {
  return TABS.find((tab) => tab === text) ?? "motion";
}

/** What the camera cannot do has no tab. While it is not known what it sends, all are there. */
function tabsOf(camera: Camera): readonly Tab[] {
  const silent = camera.streams.main !== null && !camera.audio;
  return silent ? TABS.filter((tab) => tab !== "sound") : TABS;
}

/** On a phone not all tabs fit. */
const show = (link: HTMLAnchorElement | null) => link?.scrollIntoView({ block: "nearest", inline: "center" });

export function Tabs({ camera, now }: { camera: Camera; now: Tab }) {
  return (
    <nav class="tu-tabs seg" aria-label={words.tabs.label}>
      {tabsOf(camera).map((tab) => (
        <a
          key={tab}
          class={tab === now ? "on" : ""}
          href={`/settings/cameras/${encodeURIComponent(camera.id)}/${tab}`}
          {...(tab === now ? { "aria-current": "page" as const, ref: show } : {})}
        >
          {words.tabs[tab]}
        </a>
      ))}
    </nav>
  );
}
