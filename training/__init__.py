"""Training of the model that suggests kinds: `collect`, `compose`, `train`, `card`. docs/kinds.md tells how."""
