import { DayButton } from "./DayStepper";
import type { TimelineModel } from "./model";
import { CameraChips, Tape } from "./Tape";
import { TimeField } from "./TimeField";
import { PhoneTransport } from "./Transport";

/** Under the picture, never over it: controls, cameras, and the tape. */
export default function Phone({ model }: { model: TimelineModel }) {
  return (
    <>
      <PhoneTransport model={model} />
      <div class="phone-row">
        <DayButton model={model} short />
        <TimeField model={model} />
        <CameraChips model={model} />
      </div>
      <Tape model={model} />
    </>
  );
}
