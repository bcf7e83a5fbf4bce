export const ring = {
  rang: (camera: string) => `Someone rang at ${camera}`,
  at: (clock: string) => `At ${clock}`,
  answer: "Answer",
  live: "Live",
  dismiss: "Dismiss",
};
