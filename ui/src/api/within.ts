/** On a hub, the address of the recorder whose pages these are, such as `/boxes/home`; empty: this recorder's own. */
export const within = /^\/boxes\/[a-z0-9-]+(?=\/|$)/.exec(globalThis.location?.pathname ?? "")?.[0] ?? "";

/** What the recorder answered, its addresses as they are on this page. */
export function placed<T>(answer: T): T {
  return within ? JSON.parse(JSON.stringify(answer).replaceAll('"/media/', `"${within}/media/`)) : answer;
}
