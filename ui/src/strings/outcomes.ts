/** Of what is done about an event: with the rehearsal, and with an event's page. */
export const outcomes = {
  yes: "yes",
  no: "no",
  /** `notify phone` is "Notify phone". */
  deed: (deed: string) => deed.slice(0, 1).toUpperCase() + deed.slice(1),
  went: (went: string) => `${went.slice(0, 1).toUpperCase()}${went.slice(1)}.`,
};
