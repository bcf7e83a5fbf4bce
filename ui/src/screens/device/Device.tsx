/** Pages that a device opens before anyone has signed in on it: the recorder's certificate, and the address check. */
import { render } from "preact";
import { address } from "../../strings/address";
import { Owl } from "../../ui/Owl";
import { AddressCheck } from "./AddressCheck";
import { Authority } from "./Authority";
import "../../ui/share.css";
import "./device.css";

export function show(root: HTMLElement): void {
  const checks = location.pathname === "/check";
  const code = new URLSearchParams(location.hash.slice(1)).get("code") ?? "";
  if (checks) history.replaceState(null, "", location.pathname); // the code works once, and belongs in no history
  document.title = `${checks ? address.phone.title : address.ca.title} – ${address.name}`;
  render(
    <div class="shared device">
      <header>
        <Owl size={34} />
        <b>{address.name}</b>
      </header>
      <main>{checks ? <AddressCheck code={code} /> : <Authority />}</main>
    </div>,
    root,
  );
}
