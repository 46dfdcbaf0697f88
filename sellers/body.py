"""Reading an answer's body within a size limit, compressed or not."""

from __future__ import annotations

import zlib

import httpx

LARGEST_BODY = 5 * 1024 * 1024


class BodyRefused(Exception):
    """The body is larger than we accept, or encoded in a way that we did not offer."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


async def read_bounded(response: httpx.Response, limit: int = LARGEST_BODY) -> bytes:
    """The decoded body. We inflate ourselves: a library would expand a whole chunk, a thousandfold, before we count."""
    inflate = _inflater(response.headers.get("content-encoding", "identity"))
    parts: list[bytes] = []
    size = 0
    async for chunk in response.aiter_raw():
        try:
            piece = inflate.decompress(chunk, limit - size + 1) if inflate else chunk
        except zlib.error as broken:
            raise BodyRefused("bad_encoding", "The answer's compression is broken.") from broken
        size += len(piece)
        if size > limit:
            raise BodyRefused("too_large", f"The answer is larger than {limit // 1024 // 1024} MB.")
        parts.append(piece)
    return b"".join(parts)


def _inflater(encoding: str) -> zlib._Decompress | None:
    match encoding.strip().lower():
        case "" | "identity":
            return None
        case "gzip" | "x-gzip":
            return zlib.decompressobj(16 + zlib.MAX_WBITS)
        case _:
            raise BodyRefused("bad_encoding", "The answer is encoded in a way that was not offered.")
