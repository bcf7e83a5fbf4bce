declare module "*.txt?url" {
  const address: string;
  export default address;
}
