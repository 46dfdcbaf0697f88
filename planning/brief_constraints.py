"""The constraints of a brief: which sellers, how much per channel and per seller, how often per person."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from planning.fields import Fields, Given, fold
from planning.shape import describe
from planning.types import Constraints, FrequencyCap, LineWish, Share

INTERVALS = {fold(name): name for name in ("Hour", "Day", "Week", "Month", "LineDuration")}
MOST_IMPRESSIONS = 10**12
_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


def read_constraints(fields: Fields, channels: tuple[str, ...], names: Mapping[str, str]) -> Constraints:
    """The constraints of a brief; `names` maps folded channel names to channels, `channels` are requested."""
    included = _read_sellers(fields, fields.take("sellers_included", "include_sellers"))
    refused = fields.take("sellers_excluded", "exclude_sellers")
    excluded = _read_sellers(fields, refused)
    for seller in sorted(set(included) & set(excluded)):
        fields.error(
            refused.path if refused else fields.path,
            "included_and_excluded",
            f"'{seller}' is both included and excluded; keep one of the two.",
        )
    channel_shares = _read_channel_shares(fields, channels, names)
    seller_shares = _read_seller_shares(fields, included, excluded)
    cap = fields.take("max_seller_share")
    most = fields.rate(cap) if cap else None
    if cap and most is not None and most == 0:
        fields.error(cap.path, "out_of_range", "Give a maximum share above 0, or leave it out.")
    return Constraints(
        sellers_included=included,
        sellers_excluded=excluded,
        channel_shares=channel_shares,
        seller_shares=seller_shares,
        max_seller_share=most,
        frequency_cap=_read_frequency_cap(fields),
        lines=_read_lines(fields, channels, names),
        unused=fields.unused(),
    )


def _read_sellers(fields: Fields, given: Given | None) -> tuple[str, ...]:
    if given is None:
        return ()
    slugs: dict[str, None] = {}
    for item in fields.items(given):
        if isinstance(item.value, str) and _SLUG.fullmatch(item.value.strip()):
            slugs[item.value.strip()] = None
        else:
            fields.error(
                item.path, "invalid_seller", f"Give a seller's short name, not {describe(item.value)}."
            )
    return tuple(slugs)


def _read_share(fields: Fields, key: str, value: object) -> Share | None:
    inner = fields.inner(Given(fields.at(key), value))
    if inner is None:
        return None
    low, high = inner.take("min", "minimum", "min_share"), inner.take("max", "maximum", "max_share")
    least = inner.rate(low) if low else Decimal(0)
    most = inner.rate(high) if high else Decimal(1)
    if least is None or most is None:
        return None
    if least > most:
        inner.error(inner.path, "min_above_max", f"Lower the minimum share to at most the maximum, {most}.")
        return None
    if low is None and high is None:
        inner.error(inner.path, "required", "Give min, max or both.")
        return None
    return Share(least, most)


def _read_channel_shares(
    fields: Fields, channels: tuple[str, ...], names: Mapping[str, str]
) -> dict[str, Share]:
    given = fields.take("channel_shares")
    inner = fields.inner(given) if given else None
    if inner is None:
        return {}
    shares: dict[str, Share] = {}
    for key, value in inner.data.items():
        channel = names.get(fold(key))
        share = _read_share(inner, key, value)
        if channel is None:
            inner.error(
                inner.at(key), "unknown_channel", f"Choose from {', '.join(dict.fromkeys(names.values()))}."
            )
        elif channels and channel not in channels:
            inner.error(
                inner.at(key), "channel_not_requested", f"Add '{channel}' to the channels or drop its share."
            )
        elif channel in shares:
            inner.error(inner.at(key), "conflicting_field", f"'{channel}' has two shares; keep one of them.")
        elif share is not None:
            shares[channel] = share
    _check_share_sums(inner, shares, channels)
    return shares


def _check_share_sums(inner: Fields, shares: Mapping[str, Share], channels: tuple[str, ...]) -> None:
    least = sum((share.minimum for share in shares.values()), Decimal(0))
    if least > 1:
        inner.error(
            inner.path, "minimums_above_whole", f"The minimum shares add up to {least}; lower them to 1."
        )
    most = sum((shares.get(channel, Share()).maximum for channel in channels), Decimal(0))
    if channels and most < 1:
        inner.error(
            inner.path,
            "maximums_below_whole",
            f"The maximum shares of the requested channels add up to {most}; raise them to at least 1.",
        )


def _read_seller_shares(
    fields: Fields, included: tuple[str, ...], excluded: tuple[str, ...]
) -> dict[str, Share]:
    given = fields.take("seller_shares")
    inner = fields.inner(given) if given else None
    if inner is None:
        return {}
    shares: dict[str, Share] = {}
    for key, value in inner.data.items():
        share = _read_share(inner, key, value)
        if not _SLUG.fullmatch(key):
            inner.error(inner.at(key), "invalid_seller", "Give a seller's short name.")
        elif key in excluded or (included and key not in included):
            inner.error(inner.at(key), "seller_excluded", f"'{key}' may not be bought; drop its share.")
        elif share is not None:
            shares[key] = share
    least = sum((share.minimum for share in shares.values()), Decimal(0))
    if least > 1:
        inner.error(
            inner.path, "minimums_above_whole", f"The minimum shares add up to {least}; lower them to 1."
        )
    return shares


def _read_lines(fields: Fields, channels: tuple[str, ...], names: Mapping[str, str]) -> tuple[LineWish, ...]:
    """Single products that the plan must hold (`impressions` exactly, or any), or must not (0)."""
    given = fields.take("lines", "products")
    wishes: dict[tuple[str, str, str], LineWish] = {}
    for item in fields.items(given) if given else []:
        inner = fields.inner(item)
        wish = _read_line(inner, channels, names) if inner else None
        if wish is None:
            continue
        if wish.key in wishes:
            fields.error(
                item.path, "conflicting_field", "This product is named twice in its channel; keep one."
            )
        wishes[wish.key] = wish
    return tuple(wishes.values())


def _read_line(inner: Fields, channels: tuple[str, ...], names: Mapping[str, str]) -> LineWish | None:
    named, seller, product = inner.take("channel"), inner.take("seller"), inner.take("product_id", "product")
    volume = inner.take("impressions", "volume")
    if named is None or seller is None or product is None:
        inner.error(inner.path, "required", "Give the channel, the seller and the product_id of the line.")
        return None
    channel = names.get(fold(named.value.strip())) if isinstance(named.value, str) else None
    if channel is None or (channels and channel not in channels):
        inner.error(named.path, "channel_not_requested", "Name one of the brief's channels.")
    slug = seller.value.strip() if isinstance(seller.value, str) else ""
    if not _SLUG.fullmatch(slug):
        inner.error(
            seller.path, "invalid_seller", f"Give a seller's short name, not {describe(seller.value)}."
        )
    product_id = inner.text(product, 255)
    impressions = inner.whole(volume, 0, MOST_IMPRESSIONS) if volume else None
    if channel is None or not slug or product_id is None or (volume and impressions is None):
        return None
    return LineWish(channel, slug, product_id, impressions)


def _read_frequency_cap(fields: Fields) -> FrequencyCap | None:
    given = fields.take("frequency_cap")
    inner = fields.inner(given) if given else None
    if inner is None:
        return None
    times, per = inner.take("count", "impressions"), inner.take("interval", "per")
    if times is None:
        inner.missing("count", "Give how often one person may see the campaign.")
    if per is None:
        inner.missing("interval", f"Give one of {', '.join(INTERVALS.values())}.")
    count = inner.whole(times, 1, 1000) if times else None
    interval = INTERVALS.get(fold(per.value.strip())) if per and isinstance(per.value, str) else None
    if per and interval is None:
        inner.error(per.path, "unknown_interval", f"Give one of {', '.join(INTERVALS.values())}.")
    return FrequencyCap(count, interval) if count is not None and interval is not None else None
