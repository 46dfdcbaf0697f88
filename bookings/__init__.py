"""Campaign briefs to booked lines: the DealBookingFlow."""
