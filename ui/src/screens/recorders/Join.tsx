/** The link by which a recorder joins this hub. */
import type { FleetBox } from "../../api/types";
import { recorders as words } from "../../strings/recorders";
import { InviteSheet } from "../../ui/InviteSheet";

const said = { ...words.join, shown: words.join.command };

export function Join({ boxes, onClose }: { boxes: readonly FleetBox[]; onClose: () => void }) {
  return <InviteSheet path="/fleet/invitations" said={said} recorders={boxes} onClose={onClose} />;
}
