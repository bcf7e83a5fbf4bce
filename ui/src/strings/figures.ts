/** Figures and boxes over live and past pictures. */
export const figures = {
  figures: { show: "Show figures", hide: "Hide figures" },
  boxes: { show: "Show boxes", hide: "Hide boxes" },
  rec: "REC",
  burn: "Burn in time, figures and boxes",
  burnBoxes: "With boxes",
  burned: "Re-encodes the video, at most 10 min of it. The recorder needs about half as long as the clip lasts.",
};
