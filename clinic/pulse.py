"""Which workers live: each says so in the broker every few seconds, and its word fades by itself."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError

SECONDS = 5
FADES_AFTER = 3 * SECONDS
PREFIX = "vigie:worker:"
# Apart, so that during an upgrade a web process of before still reads the queues as it knows them.
MEMORY_PREFIX = "vigie:memory:"
# What the process that looks after lost jobs says it takes.
WATCH = "watch"


class NoBroker(Exception):
    """The broker does not answer."""


@dataclass(frozen=True, slots=True)
class Word:
    """What one worker said last.

    Parameters
    ----------
    name
        ``queue@host``.
    queues
        Where it takes its work from.
    resident_bytes
        Memory that it and its children hold; 0 when it did not say, as a worker of before does not.
    """

    name: str
    queues: tuple[str, ...]
    resident_bytes: int = 0


def say(name: str, queues: Iterable[str], *, resident_bytes: int = 0) -> None:
    """Say that the worker ``name`` takes from ``queues``; raises :class:`NoBroker`."""
    try:
        with _client() as client, client.pipeline() as pipeline:
            pipeline.set(PREFIX + name, json.dumps(sorted(queues)), ex=FADES_AFTER)
            pipeline.set(MEMORY_PREFIX + name, resident_bytes, ex=FADES_AFTER)
            pipeline.execute()
    except RedisError as error:
        raise NoBroker from error


def silence(name: str) -> None:
    """Take the word of a worker that stops in good order back; raises :class:`NoBroker`."""
    try:
        with _client() as client:
            client.delete(PREFIX + name, MEMORY_PREFIX + name)
    except RedisError as error:
        raise NoBroker from error


def words() -> list[Word]:
    """Return what every living worker said last, by name; raises :class:`NoBroker`."""
    if not settings.REDIS_URL:
        raise NoBroker
    try:
        with _client() as client:
            names = sorted(
                key.decode().removeprefix(PREFIX) for key in client.scan_iter(match=f"{PREFIX}*", count=100)
            )
            said = client.mget([PREFIX + name for name in names]) if names else []
            held = client.mget([MEMORY_PREFIX + name for name in names]) if names else []
    except RedisError as error:
        raise NoBroker from error
    return [
        Word(name, tuple(json.loads(queues)), int(memory or 0))
        for name, queues, memory in zip(names, said, held, strict=True)
        if queues
    ]


def living() -> Counter[str]:
    """Return how many workers take from each queue; raises :class:`NoBroker`."""
    return Counter(queue for word in words() for queue in word.queues)


def _client() -> Redis:
    return Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)
