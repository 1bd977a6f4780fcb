"""Shape of a ChimeraNet and of the spectrograms it works on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from sep_pipeline.errors import ConfigurationError
from sep_pipeline.models.config_checks import check_counts, check_transform, require_valid
from sep_pipeline.models.config_values import config_of_values

SAMPLE_RATE_HZ = 16_000
"""Rate of the transfer study; the sizes of the presets' transforms are meant for it."""

_require = partial(require_valid, "a ChimeraNet parameter is out of range")


@dataclass(frozen=True, kw_only=True)
class ChimeraConfig:
    """Everything that fixes the parameters of the network and its spectrograms.

    Args:
        num_sources: Masks that the network gives.
        window_length: Length of the periodic square-root Hann window and of the transform, in samples, even.
        hop_length: Distance between frames, in samples; divides `window_length` at least twice.
        hidden_size: Units of the LSTM per direction.
        num_layers: Bidirectional layers.
        dropout: Share of values dropped between the layers while training; 0 with one layer.
        embedding_size: Dimensions of the embedding of a point of the spectrogram.

    Raises:
        ConfigurationError: A value is out of range.
    """

    num_sources: int
    window_length: int = 512
    hop_length: int = 128
    hidden_size: int = 500
    num_layers: int = 4
    dropout: float = 0.3
    embedding_size: int = 20

    def __post_init__(self) -> None:
        check_counts(_require, self, "num_sources", "hidden_size", "num_layers", "embedding_size")
        check_transform(_require, self.window_length, self.hop_length)
        _require(0 <= self.dropout < 1, "dropout", "0 up to below 1", self.dropout)

    @property
    def num_bins(self) -> int:
        """Frequencies of the one-sided spectrum: 257 at 512."""
        return self.window_length // 2 + 1


def preset(name: str, *, num_sources: int) -> ChimeraConfig:
    """A named size: "paper" is that of the transfer study, "compact" learns most in minutes on a processor.

    Raises:
        ConfigurationError: The name is unknown.
    """
    if name not in CHIMERA_PRESETS:
        raise ConfigurationError(
            "unknown ChimeraNet preset", parameter="preset", expected=sorted(CHIMERA_PRESETS), found=name
        )
    return config_of_values(ChimeraConfig, {"num_sources": num_sources, **CHIMERA_PRESETS[name]})


CHIMERA_PRESETS: dict[str, dict[str, int | float]] = {
    "paper": {"hidden_size": 500, "num_layers": 4, "dropout": 0.3, "embedding_size": 20},
    "compact": {"hidden_size": 128, "num_layers": 1, "dropout": 0.0, "embedding_size": 12},
}
"""What a preset fixes; the number of sources is the data set's."""
