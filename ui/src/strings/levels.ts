/** Words of the levels of events, and of visits. */
export const levels = {
  alert: { name: "Alerts", title: "What matters, as set for each camera" },
  detection: { name: "Detections", title: "Recognized, or went somewhere" },
  motion: { name: "Motion", title: "Nothing recognized" },
  none: "You’re all caught up. No new alerts.",
  visits: "Visits",
  visitsTitle: "Show events that belong together as one",
  visit: (title: string, when: string) => `Visit: ${title}, ${when}`,
  events: { one: "{n} event", other: "{n} events" },
  cameras: { one: "{n} camera", other: "{n} cameras" },
  going: "ongoing",
  offer: {
    title: "Tell people, vehicles and animals apart",
    sub: "Without a detection model, anything that goes somewhere can be an alert. The model runs on this computer.",
    later: "Not now",
  },
};
