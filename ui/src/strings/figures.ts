/** Figures over pictures, on live and past pictures. */
export const figures = {
  show: "Show figures",
  hide: "Hide figures",
  rec: "REC",
  burn: "Burn in time, figures and boxes",
  boxes: "With boxes",
  burned: "Re-encodes the video, at most 10 min of it. The recorder needs about half as long as the clip lasts.",
};
