/** What is recorded of a camera that is added. */
export const addedRecording = {
  label: "What is recorded",
  always: (day: string) => (day ? `Always · ${day} a day` : "Always"),
  events: "Only around events",
  alwaysSub: "Everything is recorded. You can change it at any time.",
  sound: "Record sound",
  soundSub: "In many countries, recording what people say without their consent is a crime.",
  eventsSub: "Saves space. What detection misses isn’t recorded. The camera’s page shows the space after a day.",
};
