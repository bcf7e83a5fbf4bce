/** The setup, from the one-time link to the last step, with the parts of other screens that its steps show. */
import type { ComponentChildren } from "preact";
import type { Borrowed } from "../screens/setup/StepFrame";
import { Lazy } from "../ui/Lazy";
import { path } from "../ui/router";
import { session } from "../ui/session";

const claim = () => import("../screens/setup/Setup");
const sealStep = () => import("../screens/setup/SealStep");
const wizard = () => import("../screens/setup/Wizard");
const borrowed: Borrowed = {
  AddCamera: () => import("../screens/add-camera/AddCamera").then(({ CameraAdder }) => ({ default: CameraAdder })),
  Channel: () => import("../screens/outside/TargetSheet").then(({ NewChannel }) => ({ default: NewChannel })),
  Phone: () => import("../screens/account/Phone").then(({ PhoneAlone }) => ({ default: PhoneAlone })),
  Push: () => import("../ui/PushCard").then(({ PushCard }) => ({ default: PushCard })),
};

export default function SetupFlow({ waiting }: { waiting: (failed: boolean) => ComponentChildren }) {
  if (session.value?.state !== "signed-in") return <Lazy load={claim} props={{}} waiting={waiting} />;
  if (path.value === "/setup/sealed") return <Lazy load={sealStep} props={{}} waiting={waiting} />;
  return <Lazy load={wizard} props={{ borrowed }} waiting={waiting} />;
}
