export const health = {
  title: "Is it recording?",
};
