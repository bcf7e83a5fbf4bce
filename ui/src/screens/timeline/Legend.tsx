import { t } from "../../strings";
import { timeline } from "../../strings/timeline";
import { zoneIsElsewhere } from "../../ui/times";
import { recorderZone, zoneKnown } from "../../timeline/wallclock";
import "./legend.css";

const words = timeline.legend;

export default function Legend() {
  return (
    <div class="legend">
      <span>
        <i class="is-recorded" />
        {words.recorded}
      </span>
      <span>
        <i class="is-motion" />
        {words.motion}
      </span>
      <span>
        <i class="is-gap" />
        {words.gap}
      </span>
      <span>
        <i class="is-damaged" />
        {words.damaged}
      </span>
      {zoneKnown.value && zoneIsElsewhere() && <span class="elsewhere">{t.times.elsewhere(recorderZone.value.name)}</span>}
      <span class="legend-keys" aria-hidden="true">
        <kbd>{t.keys.space}</kbd>
        {words.play} <kbd>N</kbd>
        {words.next} <kbd>[</kbd>
        <kbd>]</kbd>
        {words.mark} <kbd>+</kbd>
        <kbd>−</kbd>
        {words.zoom} <kbd>?</kbd>
        {words.all}
      </span>
    </div>
  );
}
