/** In place of a picture that is sealed, and beside one that was unlocked. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { LazySheet } from "../ui/Lazy";
import { Icon } from "../ui/Icon";
import { toast } from "../ui/toast";
import { isOpenHere, loadSealing, lock, sealing } from "./state";
import { sealed as words } from "../strings/sealed";

const sheet = () => import("./Unlock");

/** Unlocking was asked for. */
const asked = signal(false);

export function UnlockButton() {
  return (
    <button type="button" class="btn" onClick={() => (asked.value = true)}>
      <Icon name="lock-open" small />
      {words.locked.unlock}
    </button>
  );
}

/** Asks for a key when a button of the page wants it: a page with such buttons has one of these. */
export function UnlockSheet() {
  useEffect(() => () => void (asked.value = false), []);
  return asked.value ? <LazySheet load={sheet} props={{ onClose: () => (asked.value = false) }} /> : null;
}

/** Only while something is unlocked for this session. */
export function LockNow({ class: name }: { class: string }) {
  useEffect(() => {
    if (!sealing.peek()) loadSealing().catch(() => {}); // then the button is not there; locking works in the settings
  }, []);
  if (!sealing.value?.unlocked && !isOpenHere.value) return null;
  const press = async () => {
    await lock();
    toast(words.lockedNow);
  };
  return (
    <button type="button" class={name} aria-label={words.lockNow} title={words.lockNow} onClick={() => void press()}>
      <Icon name="lock" small />
    </button>
  );
}
