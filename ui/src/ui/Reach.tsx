/** Where a link opens that was made on this page. */
import { share as words } from "../strings/share";

/** Whether an address only means the computer that opens it. */
export const isOwnComputer = (address: string): boolean => /^(localhost|127\..*|\[::1\])$/.test(new URL(address).hostname);

/** atHome: as far as the recorder knows, its address works in the own network only. */
export function Reach({ address, atHome = false }: { address: string; atHome?: boolean }) {
  const said = isOwnComputer(address) ? words.unreachable : atHome && words.reach;
  return said ? <p class="small muted">{said}</p> : null;
}
