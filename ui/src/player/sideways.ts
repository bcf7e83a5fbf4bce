/** A phone on its side: the picture fills it, and what lies over it goes away by itself. */
import { type Signal, signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { isPanelOpen } from "../ui/keys";
import "./sideways.css";

const query = matchMedia("(max-height: 480px) and (orientation: landscape) and (pointer: coarse)");
export const sideways = signal(query.matches);
query.addEventListener("change", () => {
  sideways.value = query.matches;
});

const SHOWN_MS = 3_000;
/** So long a tap waits for a second one, which would enlarge the picture. */
const SECOND_TAP_MS = 320;
const CONTROL = "button, a, input, select, label, [role=slider], [popover], dialog, .keeps-controls";

/** Whether the controls are shown. A tap on the picture shows and hides them, and so does time; keys show them. */
export function useControls(): Signal<boolean> {
  const shown = useSignal(true);
  const on = sideways.value;
  useEffect(() => {
    shown.value = true;
    if (!on) return undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const rest = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        if (isInUse()) rest();
        else shown.value = false;
      }, SHOWN_MS);
    };
    const show = (): void => {
      shown.value = true;
      rest();
    };
    const down = (event: PointerEvent): void => {
      if ((event.target as Element).closest(CONTROL)) rest();
    };
    const click = (event: MouseEvent): void => {
      const at = event.target as Element;
      if (at.closest(CONTROL)) return rest();
      if (!at.closest(".can-zoom")) return;
      if (!shown.peek()) return show();
      clearTimeout(timer);
      if (event.detail > 1) return rest();
      timer = setTimeout(() => (shown.value = false), SECOND_TAP_MS);
    };
    rest();
    addEventListener("pointerdown", down);
    addEventListener("click", click);
    addEventListener("keydown", show);
    return () => {
      clearTimeout(timer);
      removeEventListener("pointerdown", down);
      removeEventListener("click", click);
      removeEventListener("keydown", show);
    };
  }, [on]);
  return shown;
}

/** A panel is open, text is typed, or keys are used. */
function isInUse(): boolean {
  return Boolean(isPanelOpen() || document.querySelector("dialog[open], [data-open], .is-sideways input:focus, .is-sideways :focus-visible:not(main)"));
}

export const classSideways = (shown: boolean): string => (sideways.value ? ` is-sideways${shown ? "" : " is-bare"}` : "");
