"""The whole parameter tree of the project, and the blocks that Kedro's nodes ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ConfigDict

from sep_pipeline.configuration.chimera_transfer import (
    STUDY as CHIMERA_TRANSFER,
)
from sep_pipeline.configuration.chimera_transfer import (
    ChimeraTransferParameters,
    parse_chimera_transfer,
)
from sep_pipeline.configuration.contrastive_demix import (
    STUDY as CONTRASTIVE_DEMIX,
)
from sep_pipeline.configuration.contrastive_demix import (
    ContrastiveDemixParameters,
    parse_contrastive_demix,
)
from sep_pipeline.configuration.execution import ExecutionParameters, ProcessParameters
from sep_pipeline.configuration.jukebox_pretrain import JukeboxPretrainParameters
from sep_pipeline.configuration.jukebox_transfer import (
    STUDY as JUKEBOX_TRANSFER,
)
from sep_pipeline.configuration.jukebox_transfer import (
    JukeboxTransferParameters,
    parse_jukebox_transfer,
)
from sep_pipeline.configuration.midi_waveform import STUDY as MIDI_WAVEFORM
from sep_pipeline.configuration.midi_waveform import MidiWaveformParameters, parse_midi_waveform
from sep_pipeline.configuration.open_unmix import STUDY as OPEN_UNMIX
from sep_pipeline.configuration.open_unmix import OpenUnmixParameters, parse_open_unmix
from sep_pipeline.configuration.report import ReportParameters, parse_report
from sep_pipeline.configuration.scoring import LeaderboardParameters, ScoreParameters
from sep_pipeline.configuration.separation import SeparateParameters
from sep_pipeline.configuration.strict import Strict, parse, require_known
from sep_pipeline.configuration.study import Study, StudyParameters
from sep_pipeline.errors import UnnamedInputError

EXECUTION_KEYS = ("device", "precision")
PROCESS_KEYS = ("num_processes",)
LEADERBOARD = "leaderboard"
RUN_TIME_KEYS = (
    "root",
    "layout",
    "stems",
    "musdb_root",
    "slakh_root",
    "bach10_root",
    "choirset_root",
    "remixpacks_root",
    "midi_root",
    "weights",
    "data_folder",
    "estimates",
    "references",
    "input",
    "model",
    "study",
)
"""Names that configuration files read with `runtime_params`, so that `--params=` can give them."""

_STUDIES: Mapping[str, Callable[[Mapping[str, Any], Path | None], StudyParameters]] = {
    JUKEBOX_TRANSFER: parse_jukebox_transfer,
    CHIMERA_TRANSFER: parse_chimera_transfer,
    CONTRASTIVE_DEMIX: parse_contrastive_demix,
    OPEN_UNMIX: parse_open_unmix,
    MIDI_WAVEFORM: parse_midi_waveform,
}
"""Study to what checks its block."""

TOP_LEVEL_KEYS = (
    *EXECUTION_KEYS,
    *PROCESS_KEYS,
    *RUN_TIME_KEYS,
    "score",
    LEADERBOARD,
    "separate",
    "report",
    "jukebox_pretrain",
    *_STUDIES,
)


class ProjectParameters(Strict):
    """Everything that a run can be told.

    Attributes:
        studies: Study name to its parameters.
        missing: Study name to what is said about one for which a folder or weights are not named. Other
            studies can run.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    execution: ExecutionParameters
    processes: ProcessParameters
    score: ScoreParameters
    leaderboard: LeaderboardParameters
    separate: SeparateParameters
    report: ReportParameters
    jukebox_pretrain: JukeboxPretrainParameters
    studies: dict[str, StudyParameters]
    missing: dict[str, UnnamedInputError]

    @property
    def jukebox_transfer(self) -> JukeboxTransferParameters:
        """Study 1, see `study`."""
        return self.study(JukeboxTransferParameters)

    @property
    def chimera_transfer(self) -> ChimeraTransferParameters:
        """Study 2."""
        return self.study(ChimeraTransferParameters)

    @property
    def contrastive_demix(self) -> ContrastiveDemixParameters:
        """Study 3."""
        return self.study(ContrastiveDemixParameters)

    @property
    def open_unmix(self) -> OpenUnmixParameters:
        """Study 4."""
        return self.study(OpenUnmixParameters)

    @property
    def midi_waveform(self) -> MidiWaveformParameters:
        """Study 5."""
        return self.study(MidiWaveformParameters)

    def study(self, model: type[Study]) -> Study:
        """The parameters of the study that a model belongs to.

        Raises:
            UnnamedInputError: Its data set or weights are not named.
        """
        if model.STUDY in self.missing:
            raise self.missing[model.STUDY]
        study = self.studies[model.STUDY]
        assert isinstance(study, model)
        return study


def parse_parameters(raw: Mapping[str, Any], project_path: Path | None = None) -> ProjectParameters:
    """Check the parameter tree of all files and `--params` together.

    Args:
        raw: The merged tree as Kedro loads it.
        project_path: What relative paths start from.

    Raises:
        ConfigurationError: A parameter is unknown (with the nearest names), missing or wrong.
    """
    require_known(raw, TOP_LEVEL_KEYS)
    execution = {key: raw[key] for key in EXECUTION_KEYS if key in raw}
    processes = {key: raw[key] for key in PROCESS_KEYS if key in raw}
    studies: dict[str, StudyParameters] = {}
    missing: dict[str, UnnamedInputError] = {}
    for name, parse_block in _STUDIES.items():
        try:
            studies[name] = parse_block(raw.get(name, {}), project_path)
        except UnnamedInputError as error:
            missing[name] = error
    return ProjectParameters(
        execution=parse(ExecutionParameters, execution),
        processes=parse(ProcessParameters, processes),
        score=parse(ScoreParameters, raw.get("score", {}), name="score", project_path=project_path),
        leaderboard=parse(
            LeaderboardParameters, raw.get(LEADERBOARD, {}), name=LEADERBOARD, project_path=project_path
        ),
        report=parse_report(
            raw.get("report", {}), (*_STUDIES, LEADERBOARD), (*studies, LEADERBOARD), project_path
        ),
        separate=parse(
            SeparateParameters, raw.get("separate", {}), name="separate", project_path=project_path
        ),
        jukebox_pretrain=parse(
            JukeboxPretrainParameters,
            raw.get("jukebox_pretrain", {}),
            name="jukebox_pretrain",
            project_path=project_path,
        ),
        studies=studies,
        missing=missing,
    )


def node_parameters(parameters: ProjectParameters) -> dict[str, Any]:
    """The tree of plain values that nodes name as `params:…`.

    `params:execution`, `params:processes` and, for every study, `params:jukebox_transfer.data`,
    `params:jukebox_transfer.arms.<arm>.phase_one`,
    `params:jukebox_transfer.cells.<arm>.<stem>.seed_<n>`, `params:jukebox_transfer.arm_runs.<arm>.seed_<n>`,
    `params:jukebox_transfer.stems.<stem>` and so on. Nodes annotate the models, so that Kedro makes them
    typed objects again.
    """
    tree: dict[str, Any] = parameters.model_dump(mode="json", exclude={"studies", "missing"})
    studies = parameters.studies.items()
    return tree | {name: study.model_dump(mode="json") | study.grid() for name, study in studies}
