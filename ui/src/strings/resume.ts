/** Words of the live view while setup is not finished; apart from those of the setup, which are many. */
export type StepName = "account" | "cameras" | "storage" | "notifications" | "outside";

export const steps: Readonly<Record<StepName, string>> = {
  account: "Account",
  cameras: "Cameras",
  storage: "Storage",
  notifications: "Notifications",
  outside: "Outside access",
};

export const resume = {
  title: (done: string, all: string) => `Setup: ${done} of ${all} steps done`,
  next: (steps: string) => `Next: ${steps}.`,
  go: "Continue",
  hide: "Hide setup",
  hidden: "Hidden. Setup stays at the address /setup.",
  empty: "No cameras yet",
  emptySub: "Search your network for cameras, or enter an address.",
  add: "Add a camera",
};
