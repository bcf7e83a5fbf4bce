const AGAIN_MS = 10_000;

/**
 * For a page that has no code to draw with: a screen on the wall has no one to reload it. Not before the recorder
 * answers: an error page of the browser or a proxy would stay.
 */
export const reloadSoon = () => setTimeout(() => fetch("/").then((it) => (it.ok ? location.reload() : reloadSoon()), reloadSoon), AGAIN_MS);
