"""Two simulated sellers as real HTTP servers. Knows nothing of the rest of the product."""
