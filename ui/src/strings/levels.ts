/** Words of the offer of object detection on the Events page. */
export const levels = {
  offer: {
    title: "Tell people, vehicles and animals apart",
    sub: "Without a detection model, anything that goes somewhere can be an alert. The model runs on this computer.",
    later: "Not now",
  },
};
