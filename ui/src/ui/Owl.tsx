/** The mark: an owl's head with two eyes. */
export function Owl({ size = 36 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 40 40" aria-hidden="true">
      <path
        d="M3.6 6.4c5.9.4 11.7 2.6 16.4 6.6 4.7-4 10.5-6.2 16.4-6.6-1.7 4.1-1.9 7.9-1.9 12.3C34.5 27.8 28 35 20 35S5.5 27.8 5.5 18.7C5.5 14.3 5.3 10.5 3.6 6.4Z"
        fill="var(--accent)"
      />
      <g fill="#231405">
        <circle cx="13.2" cy="20.2" r="6.3" />
        <circle cx="26.8" cy="20.2" r="6.3" />
        <path d="m20 24.4 2.3 3.4-2.3 3.2-2.3-3.2z" />
      </g>
      <g fill="none" stroke="#ffc887" stroke-width="1.7">
        <circle cx="13.2" cy="20.2" r="4.3" />
        <circle cx="26.8" cy="20.2" r="4.3" />
      </g>
      <g fill="#fff6ea">
        <circle cx="14.3" cy="19.1" r="1.25" />
        <circle cx="27.9" cy="19.1" r="1.25" />
      </g>
    </svg>
  );
}
