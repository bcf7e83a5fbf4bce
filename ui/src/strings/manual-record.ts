/** Words of recording by hand, beside the picture. */
export const manualRecord = {
  start: "Record",
  stop: "Stop recording",
  hint: "Record now, whatever the mode. It ends by itself after 5 min.",
  now: (by: string, until: string) => `Manual recording by ${by}${until ? ` until ${until}` : ""}.`,
};
