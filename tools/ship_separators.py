"""Put the separators of the environment `shipped` into the package, each with a model card.

    kedro run --env=shipped --pipeline=open_unmix      (and the other studies of conf/shipped)
    python tools/ship_separators.py                    (all that are trained, or those that are named)

Scores are of test songs that none of the trainings has heard.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sep_pipeline.audio.io import read_audio, write_audio
from sep_pipeline.data.manifest import MANIFEST_NAME, MIXTURE, manifest_frame, measured_row, write_manifest
from sep_pipeline.data.stem_store import store_tracks
from sep_pipeline.scoring.export import export_separator
from sep_pipeline.scoring.model_card import Description
from sep_pipeline.separation.lookup import MODELS_FOLDER, SHIPPED, find_separator

LICENCE = "CC-BY-4.0"
"""As the strictest of the MIDI files; credits are in `THIRD_PARTY.md`."""

STORES = "03_primary"


@dataclass(frozen=True, kw_only=True)
class Shipment:
    """One separator that ships.

    Attributes:
        origin: Study, arm and seed.
        test_songs: Stem store with the test songs, or with loops of single sources.
        heard: Stem stores whose training songs it has heard.
        data: What these are, after their number.
    """

    origin: str
    test_songs: str
    heard: tuple[str, ...]
    data: str


_SONGS = "songs of the shipped MIDI files, rendered to stems of up to 62 s by FluidSynth with the sound font TimGM6mb"

SHIPMENTS = {
    "open_unmix": Shipment(
        origin="open_unmix/separator/0",
        test_songs="shipped_songs",
        heard=("shipped_songs",),
        data=f"{_SONGS}; stems are mixed anew from different songs.",
    ),
    "open_unmix_live": Shipment(
        origin="open_unmix/live/0",
        test_songs="shipped_songs",
        heard=("shipped_songs",),
        data=f"{_SONGS}; stems are mixed anew from different songs.",
    ),
    "jukebox_transfer": Shipment(
        origin="jukebox_transfer/pretrained/0",
        test_songs="shipped_songs",
        heard=("shipped_songs",),
        data=f"{_SONGS}.",
    ),
    "chimera_transfer": Shipment(
        origin="chimera_transfer/tuned_remixpacks_both_none_whole/0",
        test_songs="chimera_remixpacks",
        heard=("chimera_musdb", "chimera_slakh", "chimera_remixpacks"),
        data=f"{_SONGS}; those of the last stage are drum parts, one loop per kick, snare and cymbals.",
    ),
    "contrastive_demix": Shipment(
        origin="contrastive_demix/pretrained_mask_network/0",
        test_songs="demix_rendered",
        heard=("demix_rendered",),
        data=f"{_SONGS}.",
    ),
    "midi_waveform": Shipment(
        origin="midi_waveform/wave_unet/0",
        test_songs="midi_songs",
        heard=(),
        data="Chunks of the songs of the part `pretrain` of the shipped MIDI files, rendered while training by "
        "FluidSynth with the sound font TimGM6mb.",
    ),
}
"""Name under which a separator ships to what it is."""


def main() -> None:
    """Export the separators that are named."""
    arguments = _arguments()
    for name in arguments.names or SHIPMENTS:
        stores = arguments.data_folder / STORES
        with tempfile.TemporaryDirectory() as spare:
            text = export_separator(
                find_separator(SHIPMENTS[name].origin, arguments.data_folder / MODELS_FOLDER),
                arguments.weights / name,
                _with_mixtures(stores / SHIPMENTS[name].test_songs, Path(spare)),
                _description(SHIPMENTS[name], stores),
                is_half=True,
                licence=LICENCE,
                should_overwrite=True,
            )
        sys.stdout.write(f"{text}\n")


def _with_mixtures(store: Path, spare: Path) -> Path:
    """The store itself, or one in which the loops of every test song ("kick - name") are summed."""
    loops: dict[str, dict[str, Path]] = defaultdict(dict)
    for track in store_tracks(store, "test"):
        if MIXTURE in track.paths:
            return store
        source, _, song = track.track_id.partition(" - ")
        loops[song][source] = track.paths[source]
    rows = []
    for song, paths in loops.items():
        stems = {source: read_audio(path) for source, path in paths.items()}
        length = min(audio.shape[1] for audio, _ in stems.values())
        signals = {source: audio[:, :length] for source, (audio, _) in stems.items()}
        (rate,) = {rate for _, rate in stems.values()}
        for stem, signal in {MIXTURE: np.sum(list(signals.values()), axis=0), **signals}.items():
            place = {"set_name": store.name, "split": "test", "track_id": song, "stem": stem}
            write_audio(spare / song / f"{stem}.wav", signal, rate)
            rows.append(
                measured_row(signal, sample_rate=rate, path=f"{song}/{stem}.wav", provenance={}, **place)
            )
    write_manifest(manifest_frame(rows), spare / MANIFEST_NAME)
    return spare


def _description(shipment: Shipment, stores: Path) -> Description:
    num_songs = sum(len(store_tracks(stores / store, "train")) for store in shipment.heard)
    said = f"{num_songs} {shipment.data}" if num_songs else shipment.data
    return Description(origin=f"conf/shipped: {shipment.origin}", data=said)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "names", nargs="*", choices=list(SHIPMENTS), metavar="NAME", help="those to put there"
    )
    parser.add_argument("--data-folder", type=Path, default=Path("data/shipped"), help="where the runs wrote")
    parser.add_argument("--weights", type=Path, default=SHIPPED, help="where the separators go")
    return parser.parse_args()


if __name__ == "__main__":
    main()
