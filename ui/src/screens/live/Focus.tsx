import { Page } from "../../app/Page";
import { t } from "../../strings.en";

export default function Focus() {
  return <Page title={t.live.title}>{null}</Page>;
}
