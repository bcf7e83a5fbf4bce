import { Page } from "../../app/Page";
import { t } from "../../strings.en";

export default function Live() {
  return <Page title={t.live.title}>{null}</Page>;
}
