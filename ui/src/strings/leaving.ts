/** What is asked before unsaved changes are lost. */
export const leaving = {
  leave: "Leave without saving?",
  leaveSub: "Your changes will be lost.",
  stay: "Stay",
  go: "Leave",
};
