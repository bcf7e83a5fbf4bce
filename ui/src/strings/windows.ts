export const windows = {
  window: "Window",
  windowHint: "Open in its own window",
  picture: "Picture in picture",
  pictureShort: "Picture in picture",
  pictureEnd: "End picture in picture",
  failed: "The browser didn’t allow picture in picture.",
  blocked: "The browser blocked the window. Allow pop-ups for this address.",
};
