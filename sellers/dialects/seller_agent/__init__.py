"""The IAB Tech Lab seller agent (release 2.4.2 as observed): catalogue, avails, pricing, quotes, deals."""

from sellers.dialects.seller_agent.dialect import SellerAgent

__all__ = ["SellerAgent"]
