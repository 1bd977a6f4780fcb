"""The metadata.yaml of a rendered track, in Slakh2100's form with our provenance added."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from sep_pipeline.data.midi import DRUM_PROGRAM
from sep_pipeline.data.rendering.config import RenderConfig
from sep_pipeline.data.rendering.engines import Synthesizer
from sep_pipeline.data.rendering.levels import LevelledStems
from sep_pipeline.data.rendering.schedule import Part

METADATA_NAME = "metadata.yaml"
DIGEST_KEY = "render_digest"
# Enters the digest of a track; raised when keys are added, so that earlier tracks are rendered again.
METADATA_VERSION = 2


def track_metadata(
    *,
    parts: tuple[Part, ...],
    levels: LevelledStems,
    config: RenderConfig,
    synthesizer: Synthesizer,
    provenance: dict[str, Any],
) -> dict[str, Any]:
    """Describe one rendered track.

    Beside Slakh2100's keys a stem has `name`, that of its track in the MIDI file; it tells apart parts with one
    program, such as the voices of a choir. `inst_class` is the role of a part in the composition and
    `program_num` what sounds; they disagree only in re-orchestrated songs. A silent stem keeps its entry with
    `audio_rendered: false`.

    Args:
        parts: The parts that were rendered.
        levels: Their final levels.
        config: Parameters of rendering.
        synthesizer: Engine and sound font.
        provenance: Further keys: UUID, lmd_midi_dir, licence, digest.

    Returns:
        Plain Python values only, which safe YAML dumping demands.
    """
    return {
        **provenance,
        "midi_dir": "MIDI",
        "audio_dir": "stems",
        "normalization_factor": float(config.loudness_lufs),
        "normalized": True,
        "overall_gain": float(levels.overall_gain),
        "target_peak": float(config.target_peak_dbfs),
        "engine": synthesizer.name,
        "engine_version": synthesizer.version,
        "sound_font": synthesizer.sound_font_name,
        "sound_font_hash": synthesizer.sound_font_hash,
        "reorchestrated": bool(config.reorchestrate),
        "stems": {part.key: _stem_metadata(part, levels, synthesizer) for part in parts},
    }


def _stem_metadata(part: Part, levels: LevelledStems, synthesizer: Synthesizer) -> dict[str, Any]:
    bank, program = (DRUM_PROGRAM, part.kit) if part.is_drum else (0, part.program)
    loudness = levels.loudness_lufs[part.key]
    return {
        "name": str(part.name),
        "audio_rendered": part.key in levels.stems,
        "midi_saved": True,
        "inst_class": part.role,
        "is_drum": part.is_drum,
        "midi_program_name": program_name(part),
        "program_num": int(part.program),
        "plugin_name": f"{synthesizer.name}:{synthesizer.sound_font_name}:{bank}:{program}",
        "integrated_loudness": float(loudness) if math.isfinite(loudness) else None,
    }


def program_name(part: Part) -> str:
    """General MIDI name of what a part plays."""
    import pretty_midi

    return "Drums" if part.is_drum else str(pretty_midi.program_to_instrument_name(part.program))


def read_digest(folder: Path) -> str | None:
    """Digest of the inputs that a finished track folder was rendered from; None when there is none."""
    import yaml

    path = folder / METADATA_NAME
    if not path.is_file():
        return None
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError:
        return None
    return content.get(DIGEST_KEY) if isinstance(content, dict) else None
