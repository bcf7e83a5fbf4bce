import { render } from "preact";
import { App } from "./App";
import { startKeys } from "../ui/keys";
import { reloadSoon } from "../ui/reloadSoon";
import { startRouter } from "../ui/router";
import { loadSession } from "../ui/session";
import { startTheme } from "../ui/theme";
import { within } from "../api/within";
import { NoRecorder } from "./NoRecorder";

const root = document.getElementById("app");
const device = () => import("../screens/device/Device");
/** Pages for people without an account: nothing else of the application is loaded. */
const alone: Readonly<Record<string, () => Promise<{ show: (root: HTMLElement) => void }>>> = {
  s: () => import("../screens/share/Shared"),
  actions: () => import("../screens/act/Act"),
  phone: () => import("../screens/phone/Phone"),
  join: () => import("../screens/recorders/JoinPage"),
  ca: device,
  check: device,
};
const page = alone[location.pathname.split("/")[1] ?? ""];
if (!("popover" in HTMLElement.prototype)) void import("../ui/popovers");
startTheme();
if (root && page) void page().then(({ show }) => show(root), reloadSoon);
else if (root) {
  startRouter();
  startKeys();
  if (within) void import("../ui/withinLinks").then((it) => it.startWithinLinks());
  const start = () =>
    loadSession().then(
      () => render(<App />, root),
      (error: unknown) => render(<NoRecorder error={error} tryAgain={start} />, root),
    );
  void start();
}
