export const known = {
  title: "Known faces and plates",
  sub: "Names for faces and license plates, used by cameras with recognition turned on. Stored encrypted. Deleting one also removes its name from past events.",
  plate: (text: string) => `License plate ${text}`,
  pictures: { one: "{n} image", other: "{n} images" },
  name: "Name",
  plateField: "License plate",
  add: "Add",
  forget: "Delete",
  forgetOne: (name: string) => `Delete ${name}`,
  forgotten: (name: string) => `${name} deleted.`,
  forgetAll: "Delete all",
  allForgotten: "All faces and plates deleted.",
};
