"""Caches with an end, that several threads may fill."""

from __future__ import annotations

from threading import Lock
from typing import TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

_lock = Lock()


def remember(cache: dict[Key, Value], key: Key, value: Value, most: int) -> Value:
    """Keep a value under a key, giving up the oldest ones, and return what is now kept there.

    Of two threads that made the same at once, both get what the first one made.
    """
    with _lock:
        while len(cache) >= most and key not in cache:
            cache.pop(next(iter(cache)))
        return cache.setdefault(key, value)
