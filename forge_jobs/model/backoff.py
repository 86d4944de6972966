"""When a failed attempt is tried again: a pure function of the queue's settings and the number of attempts."""

from __future__ import annotations

from forge_jobs.model.queue import QueueSettings

MAX_DOUBLINGS = 30
"""The exponent's clamp, as in the original: 2**30 s is 34 years."""

JITTER = 0.1
"""A delay is spread by ± this share, so that jobs that failed together do not come back together."""


def retry_delay(settings: QueueSettings, attempt: int, spread: float) -> float:
    """Return the seconds to wait after attempt number ``attempt`` (1 is the first) has failed.

    Backoff off: 0. Backoff on: base · 2^(attempt - 1), at most the queue's maximum, then ± 10 %; ``spread`` is a
    number from -1 to 1 that the caller draws. The capped value is spread too, else a long outage would line all
    jobs up at the cap.
    """
    if not settings.backoff_enabled:
        return 0.0
    base = max(settings.backoff_base, 1.0)
    doublings = min(max(attempt - 1, 0), MAX_DOUBLINGS)
    delay: float = min(base * 2**doublings, max(settings.backoff_max, 1.0))
    return delay * (1 + JITTER * min(max(spread, -1.0), 1.0))


FALLBACK_THROTTLE_SECONDS = 60.0
"""How long a throttled job waits that gives no hint where backoff is off, as in the original."""


def throttle_delay(settings: QueueSettings, throttles: int, hint: float | None, spread: float) -> float:
    """Return the seconds that a job waits which was throttled, and ``throttles`` times before.

    Backoff off: what the ``hint`` says, else a minute. Backoff on: base · 2^throttles, at most the queue's maximum,
    then ± 10 %; or what the hint says, if that is longer. Where the queue is to cool down its own count is used.
    """
    if not settings.backoff_enabled:
        return FALLBACK_THROTTLE_SECONDS if hint is None else hint
    before = settings.throttles if settings.cool_down else throttles
    return max(hint or 0.0, retry_delay(settings, before + 1, spread))


def crash_delay(settings: QueueSettings, crashes: int, spread: float) -> float:
    """Return the seconds to wait after the ``crashes``-th crash in a row: none after the first, then the curve.

    The first crash is often not the job's fault (a deploy, the kernel short of memory), so it is tried at once.
    """
    return 0.0 if crashes <= 1 else retry_delay(settings, crashes - 1, spread)
