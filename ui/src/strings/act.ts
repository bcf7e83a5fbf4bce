/** The page of a notification's button. */
export const act = {
  name: "tawny",
  title: "From a notification",
  loading: "Loading…",
  yes: "Confirm",
  open: "Open tawny",
};
