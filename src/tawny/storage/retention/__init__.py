"""Retention: contract, planning, removal, reduction to keyframes, tiers."""
