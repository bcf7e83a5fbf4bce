import { Page } from "../../app/Page";
import { t } from "../../strings.en";

export default function Events() {
  return <Page title={t.events.title}>{null}</Page>;
}
