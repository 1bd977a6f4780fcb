"""`sep-pipeline stream`: files and raw samples in and out, pacing and its report, and one line for bad input."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from click.testing import CliRunner

from sep_pipeline.audio.pcm import from_int16, to_int16
from sep_pipeline.commands import STANDALONE
from sep_pipeline.commands.stream.command import FORMATS
from sep_pipeline.commands.stream.command import PRECISIONS as OFFERED_PRECISIONS
from sep_pipeline.commands.stream.inputs import RAW_TYPES
from sep_pipeline.models.open_unmix import OpenUnmix, OpenUnmixConfig, SpectrogramConfig
from sep_pipeline.models.weights import save_weights
from sep_pipeline.separation.card import CARD_NAME, SeparatorCard, card_text
from sep_pipeline.separation.streaming import PRECISIONS, load_streaming_separator, reference_separate

RATE = 8000
CONFIG = OpenUnmixConfig(
    spectrogram=SpectrogramConfig(n_fft=256, hop_length=64),
    hidden_size=8,
    is_unidirectional=True,
    num_input_bins=100,
)
STEMS = ("vocals", "drums")


def save(folder, shape=CONFIG, **changes):
    models = {stem: OpenUnmix(shape, seed=seed) for seed, stem in enumerate(STEMS)}
    facts = {
        "name": "tiny",
        "model": "open_unmix",
        "config": dataclasses.asdict(shape),
        "stems": STEMS,
        "weights": {stem: f"{stem}.safetensors" for stem in STEMS},
        "sample_rate": RATE,
        "channels": shape.num_channels,
        "seed": 0,
        "steps": 0,
        "data_hash": "none",
        "licence": "MIT",
    }
    folder.mkdir()
    (folder / CARD_NAME).write_text(card_text(SeparatorCard(**{**facts, **changes})))
    for stem, model in models.items():
        save_weights(folder / f"{stem}.safetensors", model.state_dict(), metadata={})
    return models


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a model, and a song of 16-bit samples whose stems are known."""
    folder = tmp_path_factory.mktemp("stream")
    models = save(folder / "model")
    noise = 0.2 * np.random.default_rng(0).standard_normal((2, 2000))
    mixture = from_int16(to_int16(noise.astype(np.float32)))
    soundfile.write(folder / "song.wav", mixture.T, RATE, subtype="FLOAT")
    return folder, mixture, reference_separate(models, mixture)


def call(*arguments, standard_input=b""):
    threads = torch.get_num_threads()
    try:
        return CliRunner().invoke(
            STANDALONE["stream"], [str(part) for part in arguments], input=standard_input
        )
    finally:
        torch.set_num_threads(threads)


def refused(*arguments, standard_input=b""):
    """The one line that a refusal leaves on standard error."""
    result = call(*arguments, standard_input=standard_input)
    assert result.exit_code == 2
    line = result.stderr.strip().splitlines()[-1]
    assert line.startswith("Error: ")
    assert "Traceback" not in result.stderr
    return line


def samples_of(path):
    return soundfile.read(path, dtype="float32", always_2d=True)[0].T


@pytest.mark.parametrize("block", [None, 1, 100, 5000])
def test_a_file_becomes_one_file_per_stem(place, tmp_path, block) -> None:
    folder, _, expected = place
    more = [] if block is None else ["--block", block]
    arguments = ["--model", folder / "model", "--input", folder / "song.wav", "--output", tmp_path / "stems"]
    result = call(*arguments, "--format", "f32le", *more)
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (tmp_path / "stems").iterdir()) == ["drums.wav", "vocals.wav"]
    for stem, samples in zip(STEMS, expected, strict=True):
        np.testing.assert_allclose(samples_of(tmp_path / "stems" / f"{stem}.wav"), samples, atol=1e-5)


def test_files_have_16_bits_unless_asked_otherwise(place, tmp_path) -> None:
    folder, _, expected = place
    call("--model", folder / "model", "--input", folder / "song.wav", "--output", tmp_path)
    info = soundfile.info(tmp_path / "vocals.wav")
    assert (info.subtype, info.samplerate, info.channels, info.frames) == ("PCM_16", RATE, 2, 2000)
    np.testing.assert_allclose(samples_of(tmp_path / "vocals.wav"), expected[0], atol=1 / 32768)


def test_chosen_stems_come_in_the_order_asked_for(place) -> None:
    folder, mixture, expected = place
    result = call(
        *("--model", folder / "model", "--input", "-", "--output", "-"),
        *("--stems", "drums, vocals", "--format", "f32le"),
        standard_input=mixture.T.astype("<f4").tobytes(),
    )
    assert result.exit_code == 0, result.stderr
    given = np.frombuffer(result.stdout_bytes, dtype="<f4").reshape(-1, 2, 2)
    np.testing.assert_allclose(given.transpose(1, 2, 0), expected[::-1], atol=1e-5)


def test_one_stem_alone_is_the_same(place, tmp_path) -> None:
    folder, _, expected = place
    arguments = ["--model", folder / "model", "--input", folder / "song.wav", "--output", tmp_path]
    call(*arguments, "--stems", "drums", "--format", "f32le")
    assert [path.name for path in tmp_path.iterdir()] == ["drums.wav"]
    np.testing.assert_allclose(samples_of(tmp_path / "drums.wav"), expected[1], atol=1e-5)


def test_a_ratio_mask_counts_all_stems_even_where_one_is_given(place, tmp_path) -> None:
    folder, mixture, _ = place
    arguments = [
        "--model",
        folder / "model",
        "--input",
        folder / "song.wav",
        "--format",
        "f32le",
        "--ratio-mask",
    ]
    call(*arguments, "--output", tmp_path / "both")
    call(*arguments, "--output", tmp_path / "one", "--stems", "drums")
    both = [samples_of(tmp_path / "both" / f"{stem}.wav") for stem in STEMS]
    np.testing.assert_allclose(sum(both), mixture, atol=1e-5)
    np.testing.assert_array_equal(samples_of(tmp_path / "one" / "drums.wav"), both[1])


def test_a_stream_of_one_sample_gives_one_sample(place) -> None:
    folder, mixture, _ = place
    result = call(
        *("--model", folder / "model", "--input", "-", "--output", "-"),
        standard_input=to_int16(mixture[:, :1].T).tobytes(),
    )
    assert result.exit_code == 0
    assert len(result.stdout_bytes) == 2 * 2 * 2
    assert "no hop" in result.stderr


def test_the_report_says_what_was_measured(place, tmp_path) -> None:
    folder, _, _ = place
    arguments = ["--model", folder / "model", "--input", folder / "song.wav", "--output", tmp_path / "stems"]
    result = call(*arguments, "--live", "--report", tmp_path / "report.json")
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["audio_seconds"] == 0.25
    assert report["latency_ms"] == 32.0
    assert report["hop_ms"] == 8.0
    assert report["hops"] == (128 + 2000 - 256) // 64 + 1
    assert 0 < report["median_ms"] <= report["p99_ms"] <= report["worst_ms"]
    assert 0 <= report["missed_deadlines"] <= report["hops"]
    (line,) = result.stderr.splitlines()
    assert "0.2 s of audio; latency by construction 32.00 ms; 30 hops of 8.00 ms" in line


def test_nothing_is_overwritten_unless_asked(place, tmp_path) -> None:
    folder, _, _ = place
    (tmp_path / "drums.wav").write_bytes(b"precious")
    arguments = ["--model", folder / "model", "--input", folder / "song.wav", "--output", tmp_path]
    assert "the file exists" in refused(*arguments)
    assert (tmp_path / "drums.wav").read_bytes() == b"precious"
    assert call(*arguments, "--overwrite").exit_code == 0
    assert samples_of(tmp_path / "drums.wav").shape == (2, 2000)


def test_a_report_is_not_overwritten_either(place, tmp_path) -> None:
    folder, _, _ = place
    (tmp_path / "report.json").write_text("precious")
    arguments = ["--model", folder / "model", "--input", folder / "song.wav", "--output", tmp_path / "stems"]
    assert "report.json" in refused(*arguments, "--report", tmp_path / "report.json")


@pytest.mark.parametrize("option", ["--output", "--report"])
def test_places_that_cannot_be_written_to_are_refused_before_the_work(place, tmp_path, option) -> None:
    folder, _, _ = place
    (tmp_path / "taken").write_text("a file")
    given = {"--output": tmp_path / "stems", option: tmp_path / "taken" / "report"}
    arguments = [part for pair in given.items() for part in pair]
    line = refused("--model", folder / "model", "--input", folder / "song.wav", *arguments)
    assert "StorageError: the folder cannot be written to" in line
    assert sorted(path.name for path in tmp_path.iterdir()) == ["taken"]


def test_a_folder_is_not_replaced_by_a_report(place, tmp_path) -> None:
    folder, _, _ = place
    arguments = ["--model", folder / "model", "--input", folder / "song.wav", "--output", tmp_path / "stems"]
    line = refused(*arguments, "--report", tmp_path, "--overwrite")
    assert "StorageError: a folder bears the name of the file" in line
    assert not list(tmp_path.iterdir())


def test_a_full_disk_behind_standard_output_is_one_line(place) -> None:
    folder, _, _ = place
    command = [sys.executable, "-m", "sep_pipeline", "stream", "--model", folder / "model"]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*command, "--input", folder / "song.wav", "--output", "-"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert "StorageError: the disk is full (file: standard output)" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_file_of_samples_that_are_no_numbers_is_named(place, tmp_path) -> None:
    folder, _, _ = place
    path = tmp_path / "broken.wav"
    soundfile.write(path, np.full((500, 2), np.nan, dtype=np.float32), RATE, subtype="FLOAT")
    line = refused("--model", folder / "model", "--input", path, "--output", tmp_path / "stems")
    assert f"NaN or infinite (file: {path}" in line
    assert not list(tmp_path.glob("stems/*"))


@pytest.mark.parametrize(
    ("shape", "rate", "complaint"),
    [
        ((2, 500), 44_100, "StemMismatchError: .*expected: 8000 Hz; found: 44100 Hz"),
        ((1, 500), RATE, "StemMismatchError: .*expected: 2 channels; found: 1"),
        ((6, 500), RATE, "StemMismatchError: .*expected: 2 channels; found: 6"),
        ((2, 0), RATE, "TooShortError: the file has no samples"),
    ],
)
def test_files_of_another_kind_are_refused(place, tmp_path, shape, rate, complaint) -> None:
    folder, _, _ = place
    path = tmp_path / "other.wav"
    soundfile.write(path, np.zeros(shape, dtype=np.float32).T, rate)
    line = refused("--model", folder / "model", "--input", path, "--output", tmp_path / "stems")
    assert re.search(complaint, line)
    assert not list(tmp_path.glob("stems/*"))


@pytest.mark.parametrize(
    ("content", "raw_format", "complaint"),
    [
        (b"", "s16le", "TooShortError: the stream is empty"),
        (b"\0" * 4003, "s16le", "TruncatedFileError: the input ends inside a sample"),
        (b"\0\0\0", "f32le", "TruncatedFileError: the input ends inside a sample"),
        (np.full(4, np.nan, "<f4").tobytes(), "f32le", "DataError: the block has samples that are NaN"),
    ],
)
def test_raw_input_that_is_none_is_refused(place, tmp_path, content, raw_format, complaint) -> None:
    folder, _, _ = place
    arguments = ["--model", folder / "model", "--input", "-", "--output", tmp_path / "stems"]
    assert complaint in refused(*arguments, "--format", raw_format, standard_input=content)
    assert not list(tmp_path.glob("stems/*"))


def test_missing_files_and_unknown_stems_are_refused(place, tmp_path) -> None:
    folder, _, _ = place
    song, target = folder / "song.wav", tmp_path / "stems"
    assert "MissingCheckpointError" in refused("--model", tmp_path, "--input", song, "--output", target)
    model = folder / "model"
    nowhere = tmp_path / "nowhere.wav"
    assert "UnreadableFileError" in refused("--model", model, "--input", nowhere, "--output", target)
    line = refused("--model", model, "--input", song, "--output", target, "--stems", "bass")
    assert "expected: vocals, drums; found: bass" in line
    line = refused("--model", model, "--input", song, "--output", target, "--stems", "drums,drums")
    assert "once each" in line


@pytest.mark.parametrize(
    ("config", "changes", "complaint"),
    [
        ({"is_unidirectional": False}, {}, "ConfigurationError: a bidirectional model"),
        ({}, {"model": "vqvae"}, "CheckpointMismatchError: this model class cannot stream"),
        ({}, {"config": {"hidden_size": 8}}, "CheckpointMismatchError: the model configuration is not valid"),
        ({}, {"channels": 1}, "CheckpointMismatchError: the card of the separator contradicts itself"),
    ],
)
def test_models_that_cannot_stream_are_refused(place, tmp_path, config, changes, complaint) -> None:
    folder, _, _ = place
    save(tmp_path / "model", dataclasses.replace(CONFIG, **config), **changes)
    arguments = [
        "--model",
        tmp_path / "model",
        "--input",
        folder / "song.wav",
        "--output",
        tmp_path / "stems",
    ]
    assert complaint in refused(*arguments)


def test_weights_that_do_not_fit_are_refused(tmp_path) -> None:
    save(tmp_path / "model", dataclasses.replace(CONFIG, hidden_size=6))
    content = json.loads((tmp_path / "model" / CARD_NAME).read_text())
    content["config"]["hidden_size"] = 8
    (tmp_path / "model" / CARD_NAME).write_text(json.dumps(content))
    arguments = ["--model", tmp_path / "model", "--input", "-", "--output", "-"]
    assert "CheckpointMismatchError" in refused(*arguments)


def test_standard_input_has_its_own_pace(place) -> None:
    folder, _, _ = place
    assert "--live" in refused("--model", folder / "model", "--input", "-", "--output", "-", "--live")


def test_the_folder_says_what_the_separator_is(place) -> None:
    folder, _, _ = place
    separator = load_streaming_separator(folder / "model", stems=["drums"])
    assert (separator.stems, separator.sample_rate, separator.num_channels) == (("drums",), RATE, 2)
    assert load_streaming_separator(folder / "model", stems=["drums"], ratio_mask=True).stems == STEMS


def test_choices_are_those_of_the_library() -> None:
    assert OFFERED_PRECISIONS == PRECISIONS
    assert set(FORMATS) == set(RAW_TYPES)


def test_the_page_names_only_options_that_exist(project_path) -> None:
    text = (project_path / "docs" / "pipelines" / "stream.md").read_text(encoding="utf-8")
    known = {option for parameter in STANDALONE["stream"].params for option in parameter.opts}
    lines = [line for line in text.splitlines() if "sep_pipeline stream" in line or line.startswith("| `--")]
    named = {option for line in lines for option in re.findall(r"--[a-z-]+", line)}
    assert named == known


def test_a_pipe_needs_neither_a_project_nor_kedro(place, tmp_path) -> None:
    folder, mixture, expected = place
    program = (
        "import sys; from sep_pipeline.__main__ import main\n"
        "try: main()\n"
        "finally: sys.stderr.write(' '.join({'kedro', 'mlflow', 'pydantic', 'pandas'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [
            sys.executable,
            "-c",
            program,
            "stream",
            "--model",
            folder / "model",
            "--input",
            "-",
            "--output",
            "-",
        ],
        input=to_int16(mixture.T).tobytes(),
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    given = from_int16(np.frombuffer(result.stdout, dtype="<i2")).reshape(-1, 2, 2)
    np.testing.assert_allclose(given.transpose(1, 2, 0), expected, atol=1 / 32768)
    assert result.stderr.decode().endswith("\n")


def test_help_of_the_program_lists_the_command(project_path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "sep_pipeline", "--help"],
        cwd=project_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert re.search(r"^  stream +Separate", result.stdout, re.MULTILINE)
