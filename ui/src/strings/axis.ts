/** Words that the timeline's engine draws on its axis and puts into its list. */
export const axis = {
  now: "Now",
  first: "first",
  second: "second",
  since: (what: string, clock: string) => `${what} since ${clock}`,
  fromTo: (begin: string, end: string) => `${begin} to ${end}`,
  sinceBegin: (begin: string) => `Since ${begin}`,
  notRecorded: (why: string) => `Not recorded: ${why}`,
  recorded: "Recorded",
  damaged: "Recorded, video damaged",
  kinds: {
    person: "Person",
    vehicle: "Vehicle",
    animal: "Animal",
    object: "Object left or removed",
    sound: "Sound",
    motion: "Motion",
  } as Record<string, string>,
};
