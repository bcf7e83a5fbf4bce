/** What people, passes and shared links have in common on the settings page. */
import type { Signal } from "@preact/signals";
import { ApiError } from "../api/client";
import { cameras } from "../api/state";
import type { Camera } from "../api/types";
import { within } from "../strings/language";
import { people as words } from "../strings/people";
import { Icon } from "./Icon";
import { sentences } from "./sentences";
import { copy, toast } from "./toast";
import "./access.css";

/** `All cameras`, or their names. */
export function seen(ids: readonly string[] | null, all: readonly Camera[]): string {
  if (ids === null) return within(words.all);
  const names = ids.map((id) => all.find((camera) => camera.id === id)?.name ?? id);
  return names.join(", ") || within(words.nothing);
}

/** null: all of them, whatever is added later. */
export function CameraTicks(props: { chosen: readonly string[] | null; onChange: (next: string[] | null) => void }) {
  const { chosen, onChange } = props;
  const everything = cameras.value.map((camera) => camera.id);
  const flip = (id: string, on: boolean) => {
    const others = (chosen ?? everything).filter((each) => each !== id);
    onChange(on ? [...others, id] : others);
  };
  return (
    <fieldset class="access-ticks">
      <legend class="hidden">{words.sees}</legend>
      <label>
        <input
          type="checkbox"
          checked={chosen === null}
          onChange={(event) => onChange(event.currentTarget.checked ? null : everything)}
        />
        {words.all}
      </label>
      {chosen !== null &&
        cameras.value.map((camera) => (
          <label key={camera.id}>
            <input
              type="checkbox"
              checked={chosen.includes(camera.id)}
              onChange={(event) => flip(camera.id, event.currentTarget.checked)}
            />
            {camera.name}
          </label>
        ))}
    </fieldset>
  );
}

/** The cameras of now with what was ticked: from `before` to `next`. Another owner may have changed them since `before`. */
export function withTicks(now: readonly string[] | null, before: readonly string[] | null, next: string[] | null): string[] | null {
  if (next === null || now === null) return next;
  if (before === null) return [...now];
  const stay = now.filter((id) => next.includes(id) || !before.includes(id));
  return [...stay, ...next.filter((id) => !before.includes(id) && !stay.includes(id))];
}

/** A line of text without which the form does not go. most: letters. */
export function NeededField({ label, value, most }: { label: string; value: Signal<string>; most: number }) {
  return (
    <input
      class="access-name"
      type="text"
      required
      maxLength={most}
      autocomplete="off"
      aria-label={label}
      placeholder={label}
      value={value.value}
      onInput={(event) => (value.value = event.currentTarget.value)}
    />
  );
}

/** Something to copy. word: stands before it. focus: it has just been made. */
export function Address({ value, label, word = "", focus }: { value: string; label: string; word?: string; focus?: boolean }) {
  const copyFrom = (field: HTMLInputElement | null) => {
    field?.select(); // without a clipboard, to be copied by hand
    copy(value, words.copied);
  };
  return (
    <div class="access-address">
      {word && <span class="access-word small">{word}</span>}
      <input readOnly aria-label={label} value={value} ref={focus ? focusOnce : undefined} onFocus={(event) => event.currentTarget.select()} />
      <button
        type="button"
        class="btn"
        onClick={(event) => copyFrom(event.currentTarget.parentElement?.querySelector("input") ?? null)}
      >
        <Icon name="copy" small />
        {words.copy}
      </button>
    </div>
  );
}

/** As `ref` of a field that appears when it is wanted: `autofocus` works only once in a page. */
export const focusOnce = (field: HTMLElement | null): void => field?.focus();

/** Where what had the focus is gone, it goes to the first button of this part. */
export const focusIn = (part: Element | null | undefined) =>
  setTimeout(() => document.activeElement === document.body && part?.querySelector("button")?.focus());

/** What the recorder refuses is said. */
export async function tryTo(action: () => Promise<unknown>): Promise<void> {
  try {
    await action();
  } catch (reason) {
    if (!(reason instanceof ApiError)) throw reason;
    toast(sentences(reason));
  }
}
