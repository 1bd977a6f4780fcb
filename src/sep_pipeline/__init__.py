"""Train and compare music source separators: data in, trained separators, honest scores and tables out."""

from sep_pipeline import _torchaudio

__version__ = "0.2.0"

_torchaudio.install()
