/** They come with the screen. */
export const reads = {
  plate: "Plate",
  somebody: "somebody unknown",
  name: "Give it a name",
  who: "Who is that?",
  field: "Name",
  save: "Save",
  known: (name: string) => `${name} is known from now on.`,
};
