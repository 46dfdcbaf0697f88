"""Organizations, the people there, and who of ours works for whom."""
