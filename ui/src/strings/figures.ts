/** Figures over pictures, on live and past pictures. */
export const figures = {
  show: "Show figures",
  hide: "Hide figures",
  rec: "REC",
  burn: "Burn in time, figures and boxes",
  burned: "Re-encodes the video, at most 10 min of it.",
};
