import { Component, type ComponentType, createElement } from "preact";

/** A component that is drawn again only when one of its props is another one. */
export function memo<Props extends object>(inner: (props: Props) => preact.ComponentChildren): ComponentType<Props> {
  return class Memo extends Component<Props> {
    override shouldComponentUpdate(next: Props): boolean {
      const now = this.props as Record<string, unknown>;
      const then = next as Record<string, unknown>;
      return [...new Set([...Object.keys(now), ...Object.keys(then)])].some((key) => now[key] !== then[key]);
    }
    override render(props: Props) {
      return createElement(inner as ComponentType<Props>, props as never);
    }
  };
}
