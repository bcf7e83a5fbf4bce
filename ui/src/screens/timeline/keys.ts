import { type KeyHelp, type KeyMap, useKeys } from "../../ui/keys";
import { t } from "../../strings";
import { timeline } from "../../strings/timeline";
import { focusTimeField } from "./TimeField";
import { NO_MARKS, type TimelineModel } from "./model";

const words = timeline.keys;

const help: KeyHelp = {
  section: words.section,
  rows: [
    { keys: [t.keys.space, "K"], words: words.play },
    { keys: ["J", "L"], words: words.ten },
    { keys: [t.keys.shift("J"), t.keys.shift("L")], words: words.shuttle },
    { keys: ["←", "→"], words: words.one },
    { keys: [",", "."], words: words.picture },
    { keys: ["N", "B"], words: words.event },
    { keys: ["G"], words: words.go },
    { keys: ["[", "]"], words: words.marks },
    { keys: ["E"], words: words.save },
    { keys: ["+", "−"], words: words.zoom },
    { keys: ["Z", "X"], words: words.closer },
    { keys: ["0"], words: words.day },
    { keys: ["End"], words: words.live },
    { keys: ["<", ">"], words: words.speed },
  ],
};

const STEP_IN = 0.6;

export function useTimelineKeys(model: TimelineModel): void {
  useKeys(keysOf(model), help);
}

/** Space on a focused button presses that button. */
const onButton = (event: KeyboardEvent): boolean => event.target instanceof Element && event.target.closest("button, a, label") !== null;

export function keysOf(model: TimelineModel): KeyMap {
  const zoomIn = () => model.zoom(STEP_IN);
  const zoomOut = () => model.zoom(1 / STEP_IN);
  /** On the upright playhead of a phone; elsewhere these keys scroll the page. */
  const upright = (by_ms: number) => (event: KeyboardEvent) =>
    (event.target as Element).getAttribute("aria-orientation") === "vertical" ? model.nudge(by_ms) : false;
  return {
    " ": (event) => (onButton(event) ? false : model.group.toggle()),
    k: () => model.group.toggle(),
    j: () => model.jump(-1),
    l: () => model.jump(1),
    J: () => model.shuttle(-1),
    L: () => model.shuttle(1),
    ArrowLeft: (event) => model.nudge(event.shiftKey ? -10_000 : -1000),
    ArrowRight: (event) => model.nudge(event.shiftKey ? 10_000 : 1000),
    ArrowUp: upright(1000),
    ArrowDown: upright(-1000),
    ",": () => model.group.step(-1),
    ".": () => model.group.step(1),
    n: () => model.toEvent("next"),
    b: () => model.toEvent("previous"),
    g: () => focusTimeField(),
    "[": () => model.mark("begin"),
    "]": () => model.mark("end"),
    e: () => model.save(),
    "+": zoomIn,
    "=": zoomIn,
    "-": zoomOut,
    "−": zoomOut,
    "0": () => model.setPreset("day"),
    End: () => model.goLive(),
    "<": () => model.faster(-1),
    ">": () => model.faster(1),
    Escape: () => {
      const { begin_ms, end_ms } = model.marks.peek();
      if (model.instead.peek()) model.instead.value = "";
      else if (begin_ms !== null || end_ms !== null) model.marks.value = NO_MARKS;
      else return false;
      return true;
    },
  };
}
