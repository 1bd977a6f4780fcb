"""Progress lines."""

import pytest

from sep_pipeline.training.progress import Progress, text_bar, text_duration


class Clock:
    """Time that tests move on."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_line_tells_share_loss_speed_and_time_left(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    progress = Progress("drums/pretrained phase 1", 120, 0, clock=clock)
    clock.now += 30
    with caplog.at_level("INFO"):
        progress.advance(60, 2.31)
    assert caplog.messages == [
        "drums/pretrained phase 1 [##########..........] 60/120 loss 2.31, 0.5 s/step, about 30 s left"
    ]


def test_a_line_ends_with_a_note_that_is_asked_for_only_then(caplog: pytest.LogCaptureFixture) -> None:
    clock, notes = Clock(), iter(["pool 3/4"])
    progress = Progress("toy", 10, 0, note=lambda: next(notes), clock=clock)
    with caplog.at_level("INFO"):
        progress.advance(1, 1.0)
        clock.now += 10
        progress.advance(2, 1.0)
    (line,) = caplog.messages
    assert line.endswith("about 40 s left; pool 3/4")


def test_lines_are_at_least_five_seconds_apart_but_the_last_always_comes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    progress = Progress("toy", 101, 0, clock=clock)
    with caplog.at_level("INFO"):
        for step in range(1, 102):
            clock.now += 0.25
            progress.advance(step, 1.0)
    shown = [int(line.split("] ")[1].split("/")[0]) for line in caplog.messages]
    assert shown == [20, 40, 60, 80, 100, 101]


def test_speed_counts_only_this_process(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    progress = Progress("toy", 200, 100, clock=clock)
    clock.now += 20
    with caplog.at_level("INFO"):
        progress.advance(110, 1.0)
    assert "2 s/step, about 3 min left" in caplog.text


def test_the_loss_shown_is_smoothed(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    progress = Progress("toy", 2, 0, clock=clock)
    progress.advance(1, 1.0)
    with caplog.at_level("INFO"):
        progress.advance(2, 2.0)
    assert "loss 1.1," in caplog.text


@pytest.mark.parametrize(("share", "filled"), [(0.0, 0), (0.5, 10), (0.999, 19), (1.0, 20)])
def test_the_bar_has_a_fixed_length(share: float, filled: int) -> None:
    assert text_bar(share) == "#" * filled + "." * (20 - filled)


@pytest.mark.parametrize(
    ("seconds", "text"), [(3.4, "3 s"), (119, "119 s"), (600, "10 min"), (9000, "2.5 h")]
)
def test_durations_choose_their_unit(seconds: float, text: str) -> None:
    assert text_duration(seconds) == text
