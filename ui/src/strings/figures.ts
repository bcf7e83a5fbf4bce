/** Figures over pictures, on live and past pictures. */
export const figures = {
  show: "Show figures",
  hide: "Hide figures",
  rec: "REC",
};
