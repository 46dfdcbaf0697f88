"""OpenDirect 2.1: accounts, products, avails, orders and lines. The base URL ends in the version (`/v2`)."""

from sellers.dialects.opendirect.dialect import OpenDirect

__all__ = ["OpenDirect"]
