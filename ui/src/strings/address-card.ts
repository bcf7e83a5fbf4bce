/** Apart from the page's own words, which are loaded with the page. */
export const addressCard = {
  title: "Secure address",
  sub: "https for passkeys, notifications and access from outside.",
  open: "Open",
};
