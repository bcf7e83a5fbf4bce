/** How a camera's image is turned. */
export const orientation = {
  title: "Orientation",
  rotate: "Rotate",
  mirror: "Mirror",
  mirrorSub: "Swaps left and right.",
  note: "Turns the image everywhere in tawny within seconds. Zones, lines and masks stay on the same things. Recordings keep the orientation they were made with.",
  unsaved: "Save or discard your other changes first.",
};
