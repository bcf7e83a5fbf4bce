"""The recorder's secure address: certificates and who issues them, Tailscale, and the check from a phone."""
