import { signal } from "@preact/signals";
import { t } from "../strings";
import { ServerText } from "./ServerText";
import "./toast.css";

interface Toast {
  id: number;
  words: string;
  undo: (() => void) | null;
}

const SHOWN_MS = 8_000;
const toasts = signal<Toast[]>([]);
let made = 0;

/** How many sheets are open: what lies below the topmost can't be seen, heard or pressed. */
export const sheets = signal(0);

/** Says something for 8 s; `undo` adds a button that takes it back. */
export function toast(words: string, undo: (() => void) | null = null, shown_ms = SHOWN_MS): void {
  made += 1;
  const id = made;
  toasts.value = [...toasts.value.slice(-2), { id, words, undo }];
  setTimeout(() => dismiss(id), shown_ms);
}

/** Only pages at a secure address have a clipboard. */
export const canCopy = (): boolean => "clipboard" in navigator;

/** Copies the text, and says so or that the browser refuses; says nothing without a clipboard. */
export function copy(text: string, said: string): void {
  void navigator.clipboard?.writeText(text).then(() => toast(said), () => toast(t.actions.notCopied));
}

/** Takes back what the newest toast offers to take back; false when none does. */
export function undoNewest(): boolean {
  const newest = toasts.value.findLast((each) => each.undo !== null);
  if (!newest) return false;
  dismiss(newest.id);
  newest.undo?.();
  return true;
}

function dismiss(id: number): void {
  toasts.value = toasts.value.filter((each) => each.id !== id);
}

/** depth: of the sheet that they are in; none: in the page. */
export function Toasts({ depth }: { depth?: { current: number } }) {
  const shown = sheets.value === (depth?.current ?? 0) ? toasts.value : [];
  return (
    <div class="toasts" role={depth ? undefined : "status"} aria-live="polite">
      {shown.map((each) => (
        <div key={each.id} class="toast">
          <span><ServerText text={each.words} /></span>
          {each.undo && (
            <button
              type="button"
              onClick={() => {
                dismiss(each.id);
                each.undo?.();
              }}
            >
              {t.actions.undo}
            </button>
          )}
        </div>
      ))}
    </div>
  );
}
