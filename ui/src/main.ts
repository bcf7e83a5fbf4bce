/** The language first: modules of texts are made in it. */
import "./ui/tokens.css";
import "./ui/base.css";
import { loadLanguage } from "./strings/language";
import type { InstallPrompt } from "./ui/device";
import { recall } from "./ui/remember";
import { reloadSoon } from "./ui/reloadSoon";

addEventListener("beforeinstallprompt", (event) => {
  event.preventDefault();
  window.installPrompt = event as InstallPrompt;
});

const start = () => import("./app/start").catch(reloadSoon);
const waits = loadLanguage(recall("language"));
void (waits ? waits.then(start) : start());
