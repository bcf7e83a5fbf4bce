import { Page } from "../../app/Page";
import { t } from "../../strings.en";

export default function Health() {
  return <Page title={t.health.title}>{null}</Page>;
}
