export const languages = {
  title: "Language",
  sub: "Of this page, on this device. Notifications have their own.",
  ofBrowser: "As the browser",
};
