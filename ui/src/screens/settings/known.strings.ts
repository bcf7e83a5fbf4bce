export const known = {
  title: "Who is known",
  sub: "Plates and faces with names, for cameras that read them. Kept encrypted. Whoever is forgotten has no name in old events either.",
  plate: (text: string) => `Number plate ${text}`,
  pictures: { one: "{n} picture", other: "{n} pictures" },
  name: "Name",
  plateField: "Number plate",
  add: "Add",
  forget: "Forget",
  forgetOne: (name: string) => `Forget ${name}`,
  forgotten: (name: string) => `${name} is forgotten.`,
  forgetAll: "Forget everybody",
  allForgotten: "Everybody is forgotten.",
};
