"""`sep-pipeline export`: a copy that separates alike, with a model card whose figures are those of the copy."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner, Result

from sep_pipeline.audio.io import read_audio, write_audio
from sep_pipeline.commands import STANDALONE
from sep_pipeline.data.manifest import MANIFEST_NAME, MIXTURE, manifest_frame, measured_row, write_manifest
from sep_pipeline.metrics.whole_track import usdr
from sep_pipeline.models.open_unmix import OpenUnmix, OpenUnmixConfig, SpectrogramConfig
from sep_pipeline.models.weights import load_weights
from sep_pipeline.scoring import export as module
from sep_pipeline.separation import load_separator, read_card, save_separator, separate
from sep_pipeline.separation.copying import halved

RATE = 8000
CONFIG = OpenUnmixConfig(
    spectrogram=SpectrogramConfig(n_fft=256, hop_length=64), hidden_size=8, num_input_bins=100
)
STEMS = ("drums", "bass")
NAME = "open_unmix/tiny/3"
SONGS = ("first", "second")
"""The test songs."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a trained separator and a stem store."""
    folder = tmp_path_factory.mktemp("export")
    save_separator(
        folder / "06_models" / "open_unmix" / "tiny" / "seed_3" / "separator",
        {stem: OpenUnmix(CONFIG, seed=seed) for seed, stem in enumerate(STEMS)},
        name="open_unmix tiny",
        model="open_unmix",
        config=dataclasses.asdict(CONFIG),
        sample_rate=RATE,
        channels=2,
        seed=3,
        steps=7,
        data_hash="abc123",
        licence="that of the training data",
    )
    _make_store(folder / "03_primary" / "rendered")
    return folder


def _make_store(store: Path) -> None:
    generator = np.random.default_rng(0)
    rows = []
    for track, split in (("heard", "train"), *((song, "test") for song in SONGS)):
        stems = {stem: generator.uniform(-0.3, 0.3, (2, 4000)).astype(np.float32) for stem in STEMS}
        for name, signal in {MIXTURE: np.asarray(sum(stems.values())), **stems}.items():
            path = f"{track}/{name}.wav"
            write_audio(store / path, signal, RATE)
            place = {"set_name": "made", "split": split, "track_id": track, "stem": name, "path": path}
            rows.append(measured_row(signal, sample_rate=RATE, provenance={}, **place))
    write_manifest(manifest_frame(rows), store / MANIFEST_NAME)


def call(place: Path, *arguments: object) -> Result:
    threads = torch.get_num_threads()
    try:
        words = [str(part) for part in (*arguments, "--data-folder", place)]
        return CliRunner().invoke(STANDALONE["export"], words)
    finally:
        torch.set_num_threads(threads)


def original(place: Path) -> Path:
    return place / "06_models/open_unmix/tiny/seed_3/separator"


def usdr_of(folder: Path, place: Path, stem: str) -> float:
    """Mean over the test songs, by the functions that the command is made of."""
    separator = load_separator(folder)
    values = []
    for song in SONGS:
        store = place / "03_primary" / "rendered" / song
        estimates = separate(separator, *read_audio(store / f"{MIXTURE}.wav"))
        values.append(usdr(read_audio(store / f"{stem}.wav")[0], estimates[separator.stems.index(stem)]))
    return float(np.mean(values))


def test_the_copy_separates_like_the_original(place: Path, tmp_path: Path) -> None:
    result = call(place, NAME, tmp_path / "gift")
    assert result.exit_code == 0, result.output
    assert read_card(tmp_path / "gift") == dataclasses.replace(read_card(original(place)), name="gift")
    mixture = np.random.default_rng(1).uniform(-0.5, 0.5, (2, 3000)).astype(np.float32)
    expected = load_separator(original(place)).separate(mixture)
    assert np.array_equal(load_separator(tmp_path / "gift").separate(mixture), expected)


def test_the_model_card_states_what_the_copy_scores(place: Path, tmp_path: Path) -> None:
    options = ("--licence", "CC0-1.0", "--data", "noise.", "--limits", "it knows noise only.")
    result = call(place, NAME, tmp_path / "gift", *options)
    text = (tmp_path / "gift" / "README.md").read_text(encoding="utf-8")
    assert result.stdout.strip() == text.strip()
    assert "test song 2 of 2: second" in result.stderr
    assert text.startswith("# gift\n")
    for fact in (
        "noise. Hash of the data abc123",
        "it knows noise only.",
        "CC0-1.0",
        NAME,
        "7 steps, seed 3",
    ):
        assert fact in text
    for stem in STEMS:
        (row,) = [line for line in text.splitlines() if line.startswith(f"| {stem} |")]
        assert int(row.split("|")[2]) == len(SONGS)
        shown = float(row.split("|")[3].replace("\N{MINUS SIGN}", "-"))
        assert shown == pytest.approx(usdr_of(tmp_path / "gift", place, stem), abs=0.0051)


def test_a_stem_counts_in_the_songs_that_have_it(place: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    shutil.copytree(place / "03_primary" / "rendered", store)
    write_audio(store / SONGS[1] / "bass.wav", np.zeros((2, 4000), dtype=np.float32), RATE)
    assert call(place, NAME, tmp_path / "gift", "--test-songs", store).exit_code == 0
    text = (tmp_path / "gift" / "README.md").read_text(encoding="utf-8")
    counts = {row.split("|")[1].strip(): row.split("|")[2].strip() for row in text.splitlines() if "|" in row}
    assert (counts["drums"], counts["bass"]) == ("2", "1")


def test_half_precision_halves_matrices_and_is_measured(place: Path, tmp_path: Path) -> None:
    assert call(place, NAME, tmp_path / "small", "--half").exit_code == 0
    before, _ = load_weights(original(place) / "bass.safetensors")
    after, _ = load_weights(tmp_path / "small" / "bass.safetensors")
    for name, tensor in before.items():
        assert after[name].dtype == (torch.float16 if tensor.ndim > 1 else tensor.dtype)
        assert torch.allclose(after[name].float(), tensor.float(), rtol=1e-3, atol=1e-7)
    costs = [usdr_of(tmp_path / "small", place, s) - usdr_of(original(place), place, s) for s in STEMS]
    text = (tmp_path / "small" / "README.md").read_text(encoding="utf-8")
    assert f"more than {max(map(abs, costs)):.4f} dB" in text
    assert read_card(tmp_path / "small").metadata["weights_precision"] == "matrices in 16 bits"


def test_numbers_beyond_half_precision_stay() -> None:
    state = {
        "large": torch.tensor([[1e6, 1.0]]),
        "small": torch.tensor([[0.5]]),
        "count": torch.tensor([[3]]),
    }
    kinds = {name: tensor.dtype for name, tensor in halved(state).items()}
    assert kinds == {"large": torch.float32, "small": torch.float16, "count": torch.int64}


def refused(place: Path, folder: Path, *arguments: object) -> str:
    """The line that a refusal leaves on standard error; the folder is as it was."""
    before = sorted(folder.parent.rglob("*"))
    result = call(place, arguments[0], folder, *arguments[1:])
    assert result.exit_code == 2, result.output
    assert sorted(folder.parent.rglob("*")) == before
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    return line


def test_half_precision_that_costs_too_much_is_refused(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_HALF_COST_DB", -1.0)
    line = refused(place, tmp_path / "gift", NAME, "--half")
    assert all(part in line for part in ("ConfigurationError", "--half", "drums"))


def test_a_folder_that_exists_is_kept_unless_said_otherwise(place: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "note.txt").write_text("keep", encoding="utf-8")
    assert "the folder exists" in refused(place, tmp_path / "mine", NAME)
    assert call(place, NAME, tmp_path / "mine", "--overwrite").exit_code == 0
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == [
        "README.md",
        "bass.safetensors",
        "drums.safetensors",
        "separator.json",
    ]


def test_test_songs_must_be_there_and_have_its_stems(place: Path, tmp_path: Path) -> None:
    assert "NoInputError" in refused(place, tmp_path / "gift", NAME, "--test-songs", tmp_path / "nowhere")
    store = tmp_path / "store"
    manifest = pd.read_parquet(place / "03_primary" / "rendered" / MANIFEST_NAME)
    manifest["path"] = [str(place / "03_primary" / "rendered" / path) for path in manifest["path"]]
    write_manifest(manifest.replace({"stem": {"drums": "piano", "bass": "voice"}}), store / MANIFEST_NAME)
    line = refused(place, tmp_path / "gift", NAME, "--test-songs", store)
    assert all(part in line for part in ("StemMismatchError", "drums", "piano"))
