export const sleeps = {
  title: "Battery camera",
  sleeps: "Sleeps between events",
  about: "tawny connects only when something happens at this camera, or with Record now, and then lets it sleep again. Being asleep is no problem.",
  saved: "Saved.",
};
