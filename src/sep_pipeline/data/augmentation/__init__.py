"""Seeded random changes of training examples.

Every change takes all its randomness from the generator it is given. The order in which a study applies them:

1. `PitchTempo` at reading, since a faster example needs more source samples;
2. levels: `Gain` or `LoudnessLevels`;
3. `ChannelSwap`;
4. `Fade`;
5. `SilenceGate`;
6. `TakeSignals` or `PickOneStem`, then `Blend` to mono;
7. `PeakRule`, last, since it looks at the sum of what went before.

The invariant: the mixture of an example is always the sum of what its targets hold. So a change works on stems
and never on a mixture, and what concerns the mixture (its peak) is done to all stems alike. An example that
carries a mixture beside its stems may only be changed by what treats all rows alike: a "shared" or switched-off
`Blend`, and `Fade`.
"""

from sep_pipeline.data.augmentation.channels import (
    Blend,
    BlendMode,
    ChannelSwap,
    PickOneStem,
    TakeSignals,
    blended,
)
from sep_pipeline.data.augmentation.levels import Gain, LoudnessLevels, PeakRule, SilenceGate
from sep_pipeline.data.augmentation.shapes import Fade
from sep_pipeline.data.augmentation.speed import PitchTempo, PitchTempoChange
from sep_pipeline.data.augmentation.transform import Audio, Transform, applied

__all__ = [
    "Audio",
    "Blend",
    "BlendMode",
    "ChannelSwap",
    "Fade",
    "Gain",
    "LoudnessLevels",
    "PeakRule",
    "PickOneStem",
    "PitchTempo",
    "PitchTempoChange",
    "SilenceGate",
    "TakeSignals",
    "Transform",
    "applied",
    "blended",
]
