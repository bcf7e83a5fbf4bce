/** What a screen on the wall says about itself. */
export const wallScreen = {
  title: "Wall screen",
  options: "Wall screen options",
  dim: "Dim at night",
  from: "From",
  to: "To",
  alert: "Show alerts large",
  never: "Off",
  seconds: (s: string) => `${s} s`,
  full: "Full screen",
  leave: "Leave",
  staysOn: "The display stays on.",
  mayTurnOff: "The display may turn off by itself: only a page opened by https can keep it on.",
};
