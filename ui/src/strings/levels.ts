/** Words of the levels of events. */
export const levels = {
  alert: { name: "Alerts", title: "What matters, as set for each camera" },
  detection: { name: "Detections", title: "Recognized, or went somewhere" },
  motion: { name: "Motion", title: "Nothing recognized" },
  none: "You’re all caught up. No new alerts.",
};
