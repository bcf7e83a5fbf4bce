"""The recorder's secure address: certificates, the local authority, Tailscale, and the check from a phone."""
