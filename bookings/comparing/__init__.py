"""The nightly comparison of a seller's records with ours: `run` first, then `orders`, `lines`, `judging`, `acting`."""
