"""What is kept how long: contract, planning, removal, thinning, tiers."""
