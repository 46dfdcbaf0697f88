"""Briefs that are being written: kept while somebody types, judged, imported, and handed in as a campaign."""
