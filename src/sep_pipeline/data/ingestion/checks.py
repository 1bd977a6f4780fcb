"""Checks of signals, and of all tracks of a set together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sep_pipeline.audio.loudness import frame_rms_db
from sep_pipeline.data.ingestion.faults import Fault, FaultLog, Rule
from sep_pipeline.data.ingestion.records import TrackRecord
from sep_pipeline.data.manifest import overlapping_rows

if TYPE_CHECKING:
    import pandas

SILENCE_DBFS = -60.0
CLIPPED_SHARE = 1e-3
# Slakh's mixtures differ from the sum of their stems by half a step per stem, 2e-4 for a dozen.
SUM_TOLERANCE = 1e-3
_KEPT_FIRST = ("test", "validation", "train")

Signal = npt.NDArray[np.float32]


def check_signal(log: FaultLog, audio: Signal, sample_rate: int, *, file: Path, stem: str) -> None:
    """Note samples that are not finite, clipping, and a stem with no 1 s frame over -60 dBFS."""
    if not np.isfinite(audio).all():
        log.note("not_finite", count_of_bad_samples(audio), file=file, stem=stem)
        return
    share = float((np.abs(audio) >= 32767 / 32768).mean()) if audio.size else 0.0
    if share > CLIPPED_SHARE:
        log.note("clipped", f"{share:.2%} of the samples are at full scale", file=file, stem=stem)
    if not np.any(frame_rms_db(audio, sample_rate) > SILENCE_DBFS):
        log.note("silent_stem", f"no 1 s frame rises over {SILENCE_DBFS:.0f} dBFS", file=file, stem=stem)


def count_of_bad_samples(audio: Signal) -> str:
    """Say how many samples are no finite numbers."""
    return f"{int((~np.isfinite(audio)).sum())} samples are NaN or infinite"


def check_sum(log: FaultLog, mixture: Signal, stem_sum: Signal, *, file: Path, is_repaired: bool) -> None:
    """Note a mixture that differs from the sum of its stems by more than `SUM_TOLERANCE`, as measured."""
    num_frames = min(mixture.shape[1], stem_sum.shape[1])
    difference = mixture[:, :num_frames] - stem_sum[:, :num_frames]
    largest = float(np.abs(difference).max(initial=0.0))
    if largest > SUM_TOLERANCE or mixture.shape[1] != stem_sum.shape[1]:
        power = float(np.square(mixture, dtype=np.float64).sum()) or 1.0
        ratio = float(np.square(difference, dtype=np.float64).sum()) / power
        level = f"{10 * np.log10(ratio):.1f} dB" if ratio > 0 else "-inf dB"
        reason = (
            f"largest difference {largest:.2e}, {level} of the mixture, "
            f"{mixture.shape[1]} and {stem_sum.shape[1]} frames"
        )
        log.note("mixture_not_sum", reason, file=file, stem="mixture", is_repaired=is_repaired)


def check_formats(
    records: Iterable[TrackRecord], rules: Mapping[str, Rule], *, set_name: str
) -> dict[str, list[Fault]]:
    """Compare the sample rate and channels of every track with those of most tracks.

    Tracks whose own files differ from each other have been noted already and are passed over.

    Returns:
        Key of a record to its faults, for the tracks that differ.
    """
    formats = {
        record.key: record.formats[0] for record in records if len(record.formats) == 1 and record.rows
    }
    found: dict[str, list[Fault]] = {}
    for kind, field, unit in (("rate_mismatch", 0, "Hz"), ("channel_mismatch", 1, "channels")):
        counts = Counter(form[field] for form in formats.values())
        if len(counts) < 2:
            continue
        usual, num_usual = counts.most_common(1)[0]
        for key, form in formats.items():
            if form[field] != usual:
                log = FaultLog(set_name, key.partition("/")[2], rules)
                reason = (
                    f"{form[field]} {unit}, while {num_usual} of {len(formats)} tracks have {usual} {unit}"
                )
                log.note(kind, reason, file=form[2], is_repaired=True)
                found.setdefault(key, []).extend(log.faults)
    return found


def without_duplicates(
    manifest: pandas.DataFrame, rules: Mapping[str, Rule], source_of: Callable[[str, str, str], Path]
) -> tuple[pandas.DataFrame, list[Fault]]:
    """Apply the rule for the same audio in two splits; test is kept before validation before train.

    Args:
        manifest: All rows.
        rules: Rule of every kind.
        source_of: Gives a user's own file for split, track and stem.
    """
    rows = overlapping_rows(manifest)
    faults: list[Fault] = []
    dropped: set[tuple[str, str]] = set()
    for _, same in rows.groupby("content_hash", sort=False):
        ordered = same.assign(rank=same["split"].map(_KEPT_FIRST.index)).sort_values(["rank", "track"])
        kept = ordered.iloc[0]
        for row in ordered[ordered["split"] != kept["split"]].itertuples():
            log = FaultLog(str(row.set), str(row.track), rules)
            place = f"{kept['split']}/{kept['track']}/{kept['stem']}"
            reason = f"{row.split}/{row.track}/{row.stem} is the same audio as {place}"
            file = source_of(str(row.split), str(row.track), str(row.stem))
            log.note("duplicate", reason, file=file, stem=str(row.stem))
            faults += log.faults
            if log.is_dropped:
                dropped.add((str(row.split), str(row.track)))
    is_kept = [pair not in dropped for pair in zip(manifest["split"], manifest["track"], strict=True)]
    return manifest[is_kept].reset_index(drop=True), faults
