/** The language first: modules of texts are made in it. */
import "./ui/tokens.css";
import "./ui/base.css";
import { loadLanguage } from "./strings/language";
import type { InstallPrompt } from "./ui/device";
import { recall } from "./ui/remember";

addEventListener("beforeinstallprompt", (event) => {
  event.preventDefault();
  window.installPrompt = event as InstallPrompt;
});

const AGAIN_MS = 10_000;
/** A screen on the wall has no one to reload it. Not before the recorder answers: the browser's own error page would stay. */
const again = () => setTimeout(() => fetch("/").then(() => location.reload(), again), AGAIN_MS);
const start = () => import("./app/start").catch(again);
const waits = loadLanguage(recall("language"));
void (waits ? waits.then(start) : start());
