import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { t } from "../strings";
import { Icon } from "./Icon";
import { Segmented } from "./Segmented";
import { showKeys } from "./KeysDialog";
import { isHeld } from "./router";
import { sentences } from "./sentences";
import { session, signOut } from "./session";
import { setTheme, theme } from "./theme";
import { toast } from "./toast";

/** What the header has once the first picture is there: the chip of what is snoozed, an entry of this menu, what its title is given to. */
export const lateParts = signal<{
  chip: () => ComponentChildren;
  menu: (close: () => void) => ComponentChildren;
  title: (title: HTMLElement | null) => void;
} | null>(null);

/** Two letters of a name: `Anna Keller` is `AK`. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  return letters.map((word) => word?.[0]?.toUpperCase() ?? "").join("");
}

export function AccountMenu() {
  const menu = useRef<HTMLDivElement>(null);
  const user = session.value?.user;
  if (!user) return null;
  const close = () => menu.current?.hidePopover?.();
  const out = () => void signOut().catch((reason) => toast(`${t.menu.stillIn} ${sentences(reason)}`));
  return (
    <span class="only-desk account">
      <button
        type="button"
        class="avatar"
        popovertarget="account-menu"
        aria-label={t.menu.open(initials(user.name), user.name)}
      >
        {initials(user.name)}
      </button>
      <div ref={menu} id="account-menu" class="menu" popover="auto">
        <div class="menu-who">
          <b>{user.name}</b>
          <span class="small muted">{t.menu.role[user.role]}</span>
        </div>
        <div class="menu-look">
          <span class="small sub">{t.menu.theme}</span>
          <Segmented label={t.menu.theme} value={theme.value} options={themes} onChange={setTheme} />
        </div>
        {lateParts.value?.menu(close)}
        <a class="menu-item" href="/settings" onClick={close}>
          <Icon name="settings-2" small />
          {t.menu.settings}
        </a>
        <button
          type="button"
          class="menu-item"
          onClick={() => {
            close();
            showKeys.value = true;
          }}
        >
          <Icon name="keyboard" small />
          {t.menu.keys}
        </button>
        <button
          type="button"
          class="menu-item"
          onClick={() => {
            close();
            if (!isHeld("/sign-in", undefined, out)) out();
          }}
        >
          <Icon name="log-out" small />
          {t.menu.signOut}
        </button>
      </div>
    </span>
  );
}

export const themes = [
  { value: "system", label: t.menu.system },
  { value: "dark", label: t.menu.dark },
  { value: "light", label: t.menu.light },
] as const;
