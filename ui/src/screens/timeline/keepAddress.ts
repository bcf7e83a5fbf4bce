import { effect, untracked } from "@preact/signals";
import { spanOf } from "../../timeline/view";
import { place, setQuery } from "../../ui/router";
import { readAddress, writeAddress } from "./address";
import type { TimelineModel } from "./model";

const AFTER_MS = 600;

/** Writes cameras, second and zoom into the address when they have come to rest, and goes to one that comes otherwise. */
export function keepAddress(model: TimelineModel): () => void {
  const { path } = place.peek();
  const asked = (): string => JSON.stringify(readAddress(place.value.query));
  let known = asked();
  let isWriting = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const write = () => {
    const { at_ms, live } = model.group;
    const span_ms = spanOf(model.view.peek());
    isWriting = true;
    setQuery(writeAddress({ cameras: [...model.chosen.peek()], at_ms: live.peek() ? null : at_ms.peek(), span_ms }));
    isWriting = false;
  };
  const stops = [
    effect(() => {
      model.chosen.value;
      model.view.value;
      model.group.live.value;
      model.group.playing.value;
      Math.floor(model.second.value / (model.group.playing.value ? 10_000 : 1));
      clearTimeout(timer);
      timer = setTimeout(write, AFTER_MS);
    }),
    effect(() => {
      const now = asked();
      const isOther = now !== known && !isWriting && place.value.path === path;
      known = now;
      if (isOther) untracked(() => model.open(readAddress(place.value.query)));
    }),
  ];
  return () => {
    for (const stop of stops) stop();
    clearTimeout(timer);
  };
}
