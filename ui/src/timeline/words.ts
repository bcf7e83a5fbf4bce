/** The words that the engine itself puts on the axis and into the list. Part of `strings.en.ts` by way of the screen. */
export const words = {
  now: "Now",
  first: "first",
  second: "second",
  since: (what: string, clock: string) => `${what} since ${clock}`,
  fromTo: (begin: string, end: string) => `${begin} to ${end}`,
  sinceBegin: (begin: string) => `Since ${begin}`,
  notRecorded: (why: string) => `Not recorded: ${why}`,
  recorded: "Recorded",
  damaged: "Recorded with damaged pictures",
  waiting: "Waiting for motion",
  kinds: {
    person: "Person",
    vehicle: "Vehicle",
    animal: "Animal",
    object: "Something left",
    sound: "Sound",
    motion: "Motion",
  } as Record<string, string>,
};
