"""One adapter per wire dialect, all speaking `sellers.dialects.base`."""
