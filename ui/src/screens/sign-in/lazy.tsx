export function SignIn() { return null; }
export function Setup() { return null; }
