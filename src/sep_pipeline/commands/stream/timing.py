"""Run a stream, at full speed or at the pace of the music, and measure every hop."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from sep_pipeline.separation.streaming import StreamingSeparator

Audio = npt.NDArray[np.float32]

AWAKE_SECONDS = 0.002
"""The last part of a wait, in which the processor is kept; a system may wake a sleeping program this late."""


@dataclass(frozen=True, kw_only=True)
class StreamReport:
    """What a stream took. Times per hop are None when no hop became complete before the end.

    Attributes:
        audio_seconds: Length of the stream.
        latency_ms: From the arrival of a sample until it can be given, by construction and at most.
        hop_ms: Playing time of a hop, the budget for computing one.
        hops: Hops that became complete while the stream ran.
        mean_ms: Mean time to compute a hop. Of hops that one block completes each takes an equal share.
        median_ms: Median of the same.
        p99_ms: 99th percentile of the same.
        worst_ms: Largest of the same.
        hops_over_budget: Hops that took longer to compute than to play.
        missed_deadlines: Hops not ready when the next block, or a hop's time, had passed since their last
            sample came in; None if the stream was not paced.
        latest_start_ms: Longest time from the arrival of a block that completes a hop until its computation
            began, because the one before was not done or the system did something else; None if the stream was
            not paced.
        real_time_factor: All computing time over playing time; below 1 is faster than the music.
    """

    audio_seconds: float
    latency_ms: float
    hop_ms: float
    hops: int
    mean_ms: float | None
    median_ms: float | None
    p99_ms: float | None
    worst_ms: float | None
    hops_over_budget: int
    missed_deadlines: int | None
    latest_start_ms: float | None
    real_time_factor: float

    def as_json(self) -> str:
        """As JSON text."""
        return json.dumps(asdict(self), indent=2) + "\n"

    def as_text(self) -> str:
        """As one line for people."""
        parts = [f"{self.audio_seconds:.1f} s of audio", f"latency by construction {self.latency_ms:.2f} ms"]
        if self.mean_ms is None:
            parts.append(f"no hop of {self.hop_ms:.2f} ms complete before the end")
        else:
            parts.append(
                f"{self.hops} hops of {self.hop_ms:.2f} ms computed in mean {self.mean_ms:.2f}, median "
                f"{self.median_ms:.2f}, 99th percentile {self.p99_ms:.2f}, worst {self.worst_ms:.2f} ms"
            )
        if self.missed_deadlines is None:
            parts.append(f"{self.hops_over_budget} hops over budget")
        else:
            late = f"a block waited at most {self.latest_start_ms:.2f} ms"
            parts.append(f"{self.missed_deadlines} deadlines missed; {late}")
        return "; ".join([*parts, f"real-time factor {self.real_time_factor:.3f}"])


def sleep_precisely(seconds: float) -> None:
    """Sleep for most of the time and watch the clock for the rest."""
    end = time.perf_counter() + seconds
    if seconds > AWAKE_SECONDS:
        time.sleep(seconds - AWAKE_SECONDS)
    while time.perf_counter() < end:
        pass


def run_stream(
    separator: StreamingSeparator,
    blocks: Iterable[Audio],
    write: Callable[[Audio], None],
    *,
    is_live: bool = False,
    clock: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], None] = sleep_precisely,
) -> StreamReport:
    """Separate a stream from its first to its last sample.

    Args:
        separator: At the start of a stream.
        blocks: float32, (channel, time).
        write: Takes what is ready, (stem, channel, time), as soon as it is; its time is not computing time.
        is_live: Whether every block is held back until it would have been played to its end.
        clock: Gives seconds; `time.perf_counter` or a test's own.
        sleep: Waits for some seconds; `sleep_precisely` or a test's own.

    Returns:
        What was measured.

    Raises:
        TooShortError: There was no sample.
    """
    rate, hop = separator.sample_rate, separator.hop_samples
    hop_seconds: list[float] = []
    num_samples, missed, total_seconds, latest = 0, 0, 0.0, 0.0
    start = clock()
    for block in blocks:
        num_samples += block.shape[1]
        arrival = start + num_samples / rate
        if is_live and (early := arrival - clock()) > 0:
            sleep(early)
        num_frames, begin = separator.num_frames, clock()
        ready = separator.process(block)
        end = clock()
        num_hops = separator.num_frames - num_frames
        latest = max(latest, begin - arrival) if num_hops else latest
        total_seconds += end - begin
        hop_seconds += [(end - begin) / max(1, num_hops)] * num_hops
        if is_live and end > arrival + max(hop, block.shape[1]) / rate:
            missed += num_hops
        write(ready)
    begin = clock()
    rest = separator.finish()
    total_seconds += clock() - begin
    write(rest)
    pacing = (missed, 1000 * latest) if is_live else None
    return _report(separator, num_samples, hop_seconds, total_seconds, pacing)


def _report(
    separator: StreamingSeparator,
    num_samples: int,
    hop_seconds: list[float],
    total_seconds: float,
    pacing: tuple[int, float] | None,
) -> StreamReport:
    rate = separator.sample_rate
    hop_ms = 1000 * separator.hop_samples / rate
    times = 1000 * np.asarray(hop_seconds)
    has_hops = len(times) > 0
    return StreamReport(
        audio_seconds=num_samples / rate,
        latency_ms=1000 * separator.latency_samples / rate,
        hop_ms=hop_ms,
        hops=len(times),
        mean_ms=float(times.mean()) if has_hops else None,
        median_ms=float(np.median(times)) if has_hops else None,
        p99_ms=float(np.percentile(times, 99)) if has_hops else None,
        worst_ms=float(times.max()) if has_hops else None,
        hops_over_budget=int((times > hop_ms).sum()),
        missed_deadlines=None if pacing is None else pacing[0],
        latest_start_ms=None if pacing is None else pacing[1],
        real_time_factor=total_seconds / (num_samples / rate),
    )
