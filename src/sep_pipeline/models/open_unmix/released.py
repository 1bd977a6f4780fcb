"""Checkpoint files of the `openunmix` package: read as weights of the model here, and written for it."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from sep_pipeline.errors import (
    CheckpointMismatchError,
    ConfigurationError,
    MissingCheckpointError,
    TruncatedCheckpointError,
)
from sep_pipeline.files import folder_written_aside
from sep_pipeline.models.open_unmix.config import OpenUnmixConfig
from sep_pipeline.models.open_unmix.network import OpenUnmix
from sep_pipeline.models.open_unmix.tensor_shapes import checked_state, read_config
from sep_pipeline.models.weights import load_torch_file

logger = logging.getLogger(__name__)

DEFAULT_SAMPLE_RATE = 44_100
_SETTINGS = "separator.json"
_LOADABLE_LAYERS = 3


@dataclass(frozen=True)
class ReleasedModel:
    """One target's model as it stood in the files of the `openunmix` package.

    Args:
        state: Complete state dict for `OpenUnmix(config)`, float32.
        config: Shape of the model.
        sample_rate: Rate of the audio it was trained on, in Hz.
        ignored: Names in the file that are no part of the model, such as windows of the transform.
    """

    state: dict[str, Tensor]
    config: OpenUnmixConfig
    sample_rate: int
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Claim:
    """What a file beside the weights says about them."""

    name: str
    value: int
    file: Path


def load_released(
    path: Path, target: str, *, hop_length: int | None = None, sample_rate: int | None = None
) -> ReleasedModel:
    """Read a target's model as the package's training or its download service left it.

    A folder holds `<target>.pth`, or with a digest `<target>-<digest>.pth`, and beside it the files
    `<target>.json` and `separator.json`, both optional here; `<target>.chkpnt` is not read. A file is the state
    dict alone. Everything about the model is read from the tensors' shapes and names, above all whether its
    LSTM is unidirectional, of which the package keeps no reliable note. What the files beside say must agree.

    Args:
        path: The folder, or the file of weights.
        target: Name of the target; only a folder is asked for it.
        hop_length: In samples, where no file says it; None takes a quarter of the transform.
        sample_rate: In Hz, where no file says it; None takes 44100.

    Raises:
        MissingCheckpointError: There is no file of weights, or several of one target.
        TruncatedCheckpointError: A file does not parse.
        CheckpointMismatchError: Tensors are missing or misshaped, or a file beside says otherwise.
    """
    weights = _weights_file(path, target) if path.is_dir() else path
    released = load_torch_file(weights)
    claims = _claims(path, target) if path.is_dir() else {}
    config = read_config(released, _agreed(claims, "hop_length") or hop_length, weights)
    stored_rate = released.get("sample_rate")
    rate = (
        _agreed(claims, "sample_rate")
        or (None if stored_rate is None else int(stored_rate))
        or sample_rate
        or DEFAULT_SAMPLE_RATE
    )
    _check_claims(claims, config)
    state, ignored = checked_state(released, config, weights)
    logger.info("took %d tensors from %s, ignored %d", len(state), weights, len(ignored))
    return ReleasedModel(state, config, rate, ignored)


def save_released(folder: Path, models: Mapping[str, OpenUnmix], *, sample_rate: int) -> None:
    """Write a folder that the package's `load_separator` reads, replacing a folder of this name.

    The package builds bidirectional models of three layers only; others are written all the same, with a
    warning, and are read by `load_released`.

    Args:
        folder: The folder to write.
        models: Model by name of its target.
        sample_rate: Rate of the audio they were trained on, in Hz.

    Raises:
        ConfigurationError: There is no model, a name begins another one, which the package would mix up, or
            the models differ in transform or channels.
        StorageError: The folder is not writable or the disk is full.
    """
    _check_alike(models)
    with folder_written_aside(folder) as aside:
        for target, model in models.items():
            config = model.config
            if config.is_unidirectional or config.num_layers != _LOADABLE_LAYERS:
                logger.warning("the openunmix package cannot read the model of %s in %s", target, folder)
            torch.save(
                {name: value.detach().cpu().clone() for name, value in model.state_dict().items()},
                aside / f"{target}.pth",
            )
            _write_json(aside / f"{target}.json", {"args": _arguments(target, config, sample_rate)})
        spectrogram = next(iter(models.values())).config.spectrogram
        channels = next(iter(models.values())).config.num_channels
        settings = {
            "nfft": spectrogram.n_fft,
            "nhop": spectrogram.hop_length,
            "nb_channels": channels,
            "sample_rate": float(sample_rate),
        }
        _write_json(aside / _SETTINGS, settings)


def _weights_file(folder: Path, target: str) -> Path:
    plain = folder / f"{target}.pth"
    if plain.is_file():
        return plain
    found = sorted({*folder.glob(f"{target}-*.pth"), *folder.glob(f"{target}_*.pth")})
    if len(found) != 1:
        raise MissingCheckpointError(
            f"the folder holds {'several' if found else 'no'} weights of {target}",
            file=folder,
            expected=f"{target}.pth or one {target}-<digest>.pth",
            found=", ".join(path.name for path in found) or None,
        )
    return found[0]


def _claims(folder: Path, target: str) -> dict[str, list[_Claim]]:
    """What the two JSON files say, by our name of it."""
    claims: dict[str, list[_Claim]] = {}
    results, settings = folder / f"{target}.json", folder / _SETTINGS
    arguments = _read_json(results).get("args", {})
    for file, content in ((results, arguments), (settings, _read_json(settings))):
        for theirs, ours in (
            ("nfft", "n_fft"),
            ("nhop", "hop_length"),
            ("nb_channels", "num_channels"),
            ("hidden_size", "hidden_size"),
            ("sample_rate", "sample_rate"),
            ("unidirectional", "is_unidirectional"),
        ):
            value = content.get(theirs) if isinstance(content, Mapping) else None
            if value is not None:
                claims.setdefault(ours, []).append(_Claim(theirs, _whole(value, theirs, file), file))
    return claims


def _whole(value: object, name: str, file: Path) -> int:
    if isinstance(value, int | float) and value == int(value):
        return int(value)
    raise CheckpointMismatchError(
        f"{name} is no whole number", file=file, expected="a whole number", found=value
    )


def _agreed(claims: Mapping[str, list[_Claim]], name: str) -> int | None:
    """The value that all files give, None where none says it."""
    said = claims.get(name, [])
    for claim in said[1:]:
        if claim.value != said[0].value:
            raise CheckpointMismatchError(
                f"the files beside the weights differ in {claim.name}",
                file=claim.file,
                expected=f"{said[0].value} as in {said[0].file.name}",
                found=claim.value,
            )
    return said[0].value if said else None


def _check_claims(claims: Mapping[str, list[_Claim]], config: OpenUnmixConfig) -> None:
    for name, expected in (
        ("n_fft", config.spectrogram.n_fft),
        ("num_channels", config.num_channels),
        ("hidden_size", config.hidden_size),
    ):
        for claim in claims.get(name, []):
            if claim.value != expected:
                raise CheckpointMismatchError(
                    f"{claim.name} differs from the weights",
                    file=claim.file,
                    expected=f"{expected} as in the weights",
                    found=claim.value,
                )
    _check_direction(claims.get("is_unidirectional", []), config)


def _check_direction(said: list[_Claim], config: OpenUnmixConfig) -> None:
    """The package's training notes the wish for a unidirectional model even where it builds the other."""
    for claim in said:
        if config.is_unidirectional and not claim.value:
            raise CheckpointMismatchError(
                "the weights are unidirectional",
                file=claim.file,
                expected="unidirectional: true",
                found="false",
            )
        if claim.value and not config.is_unidirectional:
            logger.warning("%s says unidirectional, but the weights are bidirectional", claim.file)


def _check_alike(models: Mapping[str, OpenUnmix]) -> None:
    if not models:
        raise ConfigurationError("there is no model to write", parameter="models", expected="at least one")
    for first in models:
        longer = [name for name in models if name != first and name.startswith(first)]
        if longer:
            raise ConfigurationError(
                f"the name of {first} begins another one, which the openunmix package would mix up",
                parameter="models",
                found=", ".join(longer),
            )
    shapes = {(model.config.spectrogram, model.config.num_channels) for model in models.values()}
    if len(shapes) > 1:
        raise ConfigurationError(
            "models of one folder must agree in transform and channels", parameter="models", found=shapes
        )


def _arguments(target: str, config: OpenUnmixConfig, sample_rate: int) -> dict[str, object]:
    """The arguments of the package's training that say something about the model."""
    return {
        "target": target,
        "nfft": config.spectrogram.n_fft,
        "nhop": config.spectrogram.hop_length,
        "nb_channels": config.num_channels,
        "hidden_size": config.hidden_size,
        "unidirectional": config.is_unidirectional,
        "bandwidth": (config.num_read_bins - 1) * sample_rate / config.spectrogram.n_fft,
    }


def _write_json(path: Path, content: Mapping[str, object]) -> None:
    path.write_text(json.dumps(content, indent=4, sort_keys=True) + "\n", encoding="utf-8")


def _read_json(path: Path) -> Mapping[str, object]:
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise TruncatedCheckpointError(
            "the settings beside the weights do not parse", file=path, expected="JSON", found=error
        ) from error
    if not isinstance(content, Mapping):
        raise TruncatedCheckpointError(
            "the settings beside the weights do not parse",
            file=path,
            expected="a JSON object",
            found=type(content).__name__,
        )
    return content
