"""The fault harness: real servers, real processes, and faults exactly where they hurt (docs/faults.md)."""
