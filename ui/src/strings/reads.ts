/** They come with the screen. */
export const reads = {
  plate: "License plate",
  somebody: "Unknown",
  name: "Add name",
  who: "Who is this?",
  field: "Name",
  save: "Save",
  known: (name: string) => `Saved as ${name}.`,
};
