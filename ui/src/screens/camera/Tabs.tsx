import { cameraPath } from "../../api/client";
import type { Camera } from "../../api/types";
import { camera as words } from "../../strings/camera";

export const TABS = ["general", "recording", "picture", "motion", "sound", "ptz", "connection", "danger"] as const;
export type Tab = (typeof TABS)[number];

/** As the address has it; motion where it says nothing. */
export function tabNamed(text: string | undefined): Tab {
  return TABS.find((tab) => tab === text) ?? "motion";
}

/** What the camera cannot do has no tab. While it is not known what it sends, all are there. */
function tabsOf(camera: Camera, turns: boolean, listens: boolean): readonly Tab[] {
  const silent = camera.streams.main !== null && !camera.audio && !listens;
  return TABS.filter((tab) => (tab !== "sound" || !silent) && (tab !== "ptz" || turns));
}

/** On a phone not all tabs fit. */
const show = (link: HTMLAnchorElement | null) => link?.scrollIntoView({ block: "nearest", inline: "center" });

/** turns: it has motors, as far as it has said. listens: its sounds are detected, with or without audio. */
export function Tabs({ camera, now, turns, listens }: { camera: Camera; now: Tab; turns: boolean; listens: boolean }) {
  return (
    <nav class="tu-tabs seg" aria-label={words.tabs.label}>
      {tabsOf(camera, turns || now === "ptz", listens).map((tab) => (
        <a
          key={tab}
          class={tab === now ? "on" : ""}
          href={`/settings${cameraPath(camera.id)}/${tab}`}
          {...(tab === now ? { "aria-current": "page" as const, ref: show } : {})}
        >
          {words.tabs[tab]}
        </a>
      ))}
    </nav>
  );
}
