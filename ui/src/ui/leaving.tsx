/** Asks before unsaved changes are lost: on links, keys and the back button of the browser, and when it leaves the page. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { leaving as words } from "../strings/leaving";
import { go, guard } from "./router";
import { Sheet } from "./Sheet";
import "./leaving.css";

interface Asked {
  isChanged: () => boolean;
  /** Addresses at which the changes stay. */
  within?: (to: string) => boolean;
  /** What ends the changing, where that is no page of its own. */
  close?: () => void;
}

/** ask: does it at once without changes, else after a question. sheet: the question, to be rendered. */
export function useLeaving(asked: Asked): { ask: (then: () => void) => void; sheet: ComponentChildren } {
  const waiting = useSignal<(() => void) | null>(null);
  const newest = useRef(asked);
  newest.current = asked;
  const ask = (then: () => void) => {
    if (newest.current.isChanged()) waiting.value = then;
    else then();
  };
  // A layout effect ends with its form; other effects end after a page that is loaded again at once has asked.
  useLayoutEffect(() => {
    const unload = (event: BeforeUnloadEvent) => {
      if (newest.current.isChanged()) event.preventDefault();
    };
    addEventListener("beforeunload", unload);
    return () => removeEventListener("beforeunload", unload);
  }, []);
  useEffect(() => {
    return guard((to, isHere, isBack) => {
      const { isChanged, within, close } = newest.current;
      if (within?.(to)) return null;
      const only = (isHere || isBack) && close; // the back button ends the changing, and shows the page that it was on
      if (!isChanged()) return only || null;
      return (then = () => go(to, { anyway: true })) =>
        ask(() => {
          close?.();
          if (!only) then();
        });
    });
  }, []);
  const then = waiting.value;
  const stay = () => (waiting.value = null);
  const leave = () => {
    stay();
    then?.();
  };
  const sheet = then && (
    <Sheet title={words.leave} onClose={stay}>
      <p class="sub">{words.leaveSub}</p>
      <div class="row leaving-acts">
        <button type="button" class="btn" onClick={leave}>
          {words.go}
        </button>
        <button type="button" class="btn pri" onClick={stay}>
          {words.stay}
        </button>
      </div>
    </Sheet>
  );
  return { ask, sheet };
}
