/** Words of the built-in camera. */
export const demoCamera = {
  name: "Demo",
  title: "No camera at hand?",
  sub: "A built-in camera shows a drawn garden, with events. Remove it like any other camera.",
  button: "Show a demo camera",
  adding: "Adding…",
};
