import { camera as words } from "../../strings/camera";

export const TABS = ["general", "picture", "recording", "motion", "sound", "connection"] as const;
export type Tab = (typeof TABS)[number];

/** As the address has it; motion where it says nothing. */
export function tabNamed(text: string | undefined): Tab {
  return TABS.find((tab) => tab === text) ?? "motion";
}

export function Tabs({ camera, now }: { camera: string; now: Tab }) {
  return (
    <nav class="tu-tabs seg" aria-label={words.tabs.label}>
      {TABS.map((tab) => (
        <a
          key={tab}
          class={tab === now ? "on" : ""}
          href={`/settings/cameras/${encodeURIComponent(camera)}/${tab}`}
          {...(tab === now ? { "aria-current": "page" as const } : {})}
        >
          {words.tabs[tab]}
        </a>
      ))}
    </nav>
  );
}
