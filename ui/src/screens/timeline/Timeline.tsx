import { Page } from "../../app/Page";
import { t } from "../../strings.en";

export default function Timeline() {
  return <Page title={t.timeline.title}>{null}</Page>;
}
