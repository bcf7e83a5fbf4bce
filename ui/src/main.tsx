import { render } from "preact";
import "./ui/tokens.css";
import "./ui/base.css";
import { App } from "./app/App";
import { startKeys } from "./ui/keys";
import { startRouter } from "./ui/router";
import { loadSession } from "./ui/session";
import { startTheme } from "./ui/theme";
import { NoRecorder } from "./app/NoRecorder";
import type { InstallPrompt } from "./ui/device";

addEventListener("beforeinstallprompt", (event) => {
  event.preventDefault();
  window.installPrompt = event as InstallPrompt;
});
const root = document.getElementById("app");
if (root && location.pathname.startsWith("/s/")) {
  startTheme();
  void import("./screens/share/Shared").then(({ showShared }) => showShared(root));
} else if (root && location.pathname.startsWith("/actions/")) {
  startTheme();
  void import("./screens/act/Act").then(({ showAct }) => showAct(root));
} else if (root) {
  startTheme();
  startRouter();
  startKeys();
  const start = () =>
    loadSession().then(
      () => render(<App />, root),
      () => render(<NoRecorder tryAgain={start} />, root),
    );
  void start();
}
