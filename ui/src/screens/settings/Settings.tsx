import { Page } from "../../app/Page";
import { t } from "../../strings.en";

export default function Settings() {
  return <Page title={t.settings.title}>{null}</Page>;
}
