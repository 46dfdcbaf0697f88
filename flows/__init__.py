"""The durable kernel: steps, leases, claims, events, live feed. Knows no domain."""
