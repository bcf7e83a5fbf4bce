/**
 * One beat for all pictures of a page: what looks at them again and again does so in the same moment, and the page is
 * drawn anew once for all of them instead of once for each.
 */
const BEAT_MS = 500;
const A_SECOND = 2;

interface Heard {
  tell: () => void;
  beats: number;
}

const all = new Set<Heard>();
let timer: ReturnType<typeof setInterval> | undefined;
let count = 0;

/** Calls `tell` twice a second, together with all others. Gives what ends it. */
export function onBeat(tell: () => void): () => void {
  return listen({ tell, beats: 1 });
}

/** The same once a second. */
export function onSecond(tell: () => void): () => void {
  return listen({ tell, beats: A_SECOND });
}

function listen(heard: Heard): () => void {
  all.add(heard);
  timer ??= setInterval(beat, BEAT_MS);
  return () => {
    all.delete(heard);
    if (all.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

function beat(): void {
  count += 1;
  for (const { tell, beats } of [...all]) if (count % beats === 0) tell();
}
