"""A study's page: one clock for all its sounds, keys, light and dark, a phone; alone and in MLflow's viewer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sep_pipeline.reporting.page import render_page
from sep_pipeline.tracking import TrackingSession, TrackingSettings

PHONE = (390, 844)
DESK = (1600, 1000)
AUDIBLE = """[...player.voices].filter(([, voice]) => voice.gain.gain.value > 0.5)
    .map(([clip]) => `${clip.dataset.row} ${clip.dataset.stem}`.trim())"""
BACKGROUND = "getComputedStyle(document.body).backgroundColor"
WHITE, DARK = "rgb(255, 255, 255)", "rgb(20, 23, 27)"


@pytest.fixture(scope="module")
def file(small_page: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page as a file, as a person opens it."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render_page(small_page, max_megabytes=12), encoding="utf-8")
    return path


@pytest.fixture
def page(browser: Any, file: Path, faults: Callable[[Any], list[str]]) -> Iterator[Any]:
    """The page as it opens; after each test its console must be clean."""
    prefer(browser, "light")
    visit(browser, file)
    yield browser
    browser.evaluate("localStorage.clear()")
    assert faults(browser) == []
    browser.resize(*DESK)
    prefer(browser, "")


def visit(browser: Any, file: Path) -> None:
    """Open the page from scratch."""
    browser.open("about:blank")
    browser.open(file.as_uri())
    browser.wait_for("!!document.querySelector('.scripted #player')")


def prefer(browser: Any, scheme: str) -> None:
    """Set the system's wish for light or dark."""
    browser.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])


def press(browser: Any, key: str) -> None:
    """Press a key on whatever has the focus."""
    named = {"Tab": 9, "Enter": 13, "ArrowLeft": 37, "ArrowRight": 39}
    event = {"key": key, "windowsVirtualKeyCode": named.get(key, ord(key[0].upper()))}
    text = {"text": "\r"} if key == "Enter" else {} if key in named else {"text": key}
    browser.ask("Input.dispatchKeyEvent", type="keyDown", **event, **text)
    browser.ask("Input.dispatchKeyEvent", type="keyUp", **event)


def state(browser: Any) -> str:
    return str(browser.evaluate("player.element.dataset.state"))


def heard(browser: Any) -> str:
    return str(browser.evaluate("document.querySelector('#heard').textContent"))


def play(browser: Any) -> None:
    browser.click("#play")
    browser.wait_for("player.isPlaying && player.position > 0.2")


def test_it_plays_the_mixture_first_and_the_clock_runs(page: Any) -> None:
    assert (state(page), heard(page)) == ("stopped", "mixture")
    play(page)
    assert page.evaluate(AUDIBLE) == ["mixture"]
    before = page.evaluate("player.position")
    page.wait_for(f"player.position > {before} + 0.3 || player.position < {before}")
    page.click("#play")
    assert state(page) == "stopped"
    assert page.evaluate("player.voices.size") == 0


def test_a_switch_keeps_the_position_and_makes_one_sound_audible(page: Any) -> None:
    play(page)
    page.evaluate("window.before = [...player.voices.values()].map(voice => voice.source)")
    jump = "(() => {const at = player.position; document.querySelector(%r).click(); return player.position - at})()"
    for row, stem in (("pretrained", "bass"), ("reference", "drums"), ("scratch", "drums")):
        moved = page.evaluate(jump % f".clip[data-row={row}][data-stem={stem}]")
        assert abs(moved) < 0.05
        page.wait_for(f"JSON.stringify({AUDIBLE}) === JSON.stringify(['{row} {stem}'])")
    same = "[...player.voices.values()].every((voice, index) => voice.source === window.before[index])"
    assert page.evaluate(same), "a sound was started again"


def test_all_sounds_have_their_own_tone(page: Any) -> None:
    play(page)
    count = """(async () => {
        const tones = [];
        for (const [clip, buffer] of await player.decode()) {
            const samples = buffer.getChannelData(0).subarray(22050, 66150);
            let crossings = 0;
            for (let at = 1; at < samples.length; at++) crossings += samples[at - 1] < 0 && samples[at] >= 0;
            tones.push([`${clip.dataset.row} ${clip.dataset.stem}`, crossings]);
        }
        return Object.fromEntries(tones);
    })()"""
    tones = page.evaluate(count)
    expected = {"reference drums": 220, "reference bass": 440, "pretrained drums": 660, "scratch drums": 1100}
    assert {name: pytest.approx(hertz, abs=2) for name, hertz in expected.items()} == {
        name: tones[name] for name in expected
    }


def test_another_song_goes_on_playing_from_its_start(page: Any) -> None:
    play(page)
    page.click(".song", text="two")
    page.wait_for("player.isPlaying && player.song === 1")
    assert page.evaluate("player.position") < 2
    visible = "[...document.querySelectorAll('.clips')].map(grid => !grid.hidden)"
    assert page.evaluate(visible) == [False, True]


def test_the_slider_seeks(page: Any) -> None:
    page.evaluate(
        "player.slider.value = 0.5; player.slider.dispatchEvent(new Event('input', {bubbles: true}))"
    )
    assert page.evaluate("player.position") == pytest.approx(1.5)
    assert page.evaluate("document.querySelector('#time').textContent") == "1.5 / 3.0 s"


def test_everything_can_be_done_by_keys(page: Any) -> None:
    for key, expected in (
        ("r", "reference drums"),
        ("2", "reference bass"),
        ("a", "pretrained bass, 1.25 dB"),
        ("1", "pretrained drums, 1.25 dB"),
        ("a", "scratch drums, 1.25 dB"),
        ("m", "mixture"),
    ):
        press(page, key)
        assert heard(page) == expected
    press(page, "ArrowRight")
    assert page.evaluate("player.position") == pytest.approx(1.0)
    press(page, "ArrowLeft")
    assert page.evaluate("player.position") == 0
    press(page, "n")
    assert page.evaluate("player.song") == 1
    press(page, "p")
    page.wait_for("player.isPlaying")
    press(page, "p")
    assert state(page) == "stopped"


def test_a_stem_that_an_arm_lacks_is_not_chosen(page: Any) -> None:
    for key in "ra":
        press(page, key)
    press(page, "a")
    press(page, "2")
    assert heard(page) == "scratch drums, 1.25 dB"


def test_the_focus_is_visible_and_reaches_every_control(page: Any) -> None:
    page.evaluate("document.body.focus()")
    seen = set()
    for _ in range(60):
        press(page, "Tab")
        seen.add(page.evaluate("document.activeElement.id || document.activeElement.className.split(' ')[0]"))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none" or page.evaluate("document.activeElement === document.body")
    assert {"theme", "song", "play", "position", "clip", "wide"} <= seen


def test_a_focused_sound_is_chosen_by_enter(page: Any) -> None:
    page.evaluate("document.querySelector('.clip[data-row=reference][data-stem=bass]').focus()")
    press(page, "Enter")
    assert heard(page) == "reference bass"


def test_light_and_dark_follow_the_system_until_switched(page: Any) -> None:
    assert page.evaluate(BACKGROUND) == WHITE
    prefer(page, "dark")
    assert page.evaluate(BACKGROUND) == DARK
    page.click("#theme")
    assert page.evaluate(BACKGROUND) == WHITE
    press(page, "t")
    assert page.evaluate(BACKGROUND) == DARK


def test_the_choice_of_light_or_dark_is_remembered(page: Any, file: Path) -> None:
    page.click("#theme")
    visit(page, file)
    assert page.evaluate(BACKGROUND) == DARK


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(page: Any, scheme: str) -> None:
    prefer(page, scheme)
    contrasts = page.evaluate("""(() => {
        const numbers = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).map(Number);
        const light = (colour) => {
            const [red, green, blue] = numbers(colour).map(value => value / 255)
                .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
            return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
        };
        const ground = (element) => {
            for (; element; element = element.parentElement) {
                const colour = getComputedStyle(element).backgroundColor;
                if (colour !== 'rgba(0, 0, 0, 0)') return colour;
            }
        };
        const texts = [...document.querySelectorAll('h1, p, dt, dd, td, a, small, em, .caption span, kbd, button')]
            .filter(element => element.offsetParent && element.innerText.trim());
        return texts.map(element => {
            const pair = [light(getComputedStyle(element).color), light(ground(element))].sort((a, b) => b - a);
            return (pair[0] + 0.05) / (pair[1] + 0.05);
        });
    })()""")
    assert len(contrasts) > 30
    assert min(contrasts) >= 4.5


def test_a_phone_shows_it_without_scrolling_sideways(page: Any) -> None:
    page.resize(*PHONE)
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    narrow = (
        "[...document.querySelectorAll('.clip')].filter(clip => clip.offsetParent && clip.offsetWidth < 44)"
    )
    assert page.evaluate(f"{narrow}.length") == 0
    play(page)
    page.click(".clip[data-row=pretrained][data-stem=bass]")
    assert heard(page) == "pretrained bass, 1.25 dB"


def test_it_asks_the_network_for_nothing(page: Any) -> None:
    play(page)
    asked = page.evaluate("performance.getEntriesByType('resource').map(entry => entry.name)")
    assert [name for name in asked if not name.startswith("data:")] == []


def test_without_scripts_every_sound_has_its_own_player(browser: Any, file: Path) -> None:
    browser.ask("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open("about:blank")
        browser.open(file.as_uri())
        shown = "[...document.querySelectorAll('audio')].filter(sound => sound.offsetHeight > 0).length"
        browser.wait_for(f"{shown} === 12")
        assert browser.evaluate("document.querySelector('.transport').offsetHeight") == 0
    finally:
        browser.ask("Emulation.setScriptExecutionDisabled", value=False)


def test_mlflow_shows_it_in_its_viewer(
    browser: Any,
    file: Path,
    tmp_path: Path,
    serve_mlflow: Callable[[Path], Any],
    faults: Callable[[Any], list[str]],
) -> None:
    settings = TrackingSettings(f"sqlite:///{tmp_path / 'mlflow.db'}", (tmp_path / "mlruns").as_uri())
    session = TrackingSession.begin(settings, "tones", "one", {"environment": "test"})
    session.study_tracker().log_file(file)
    session.study_tracker().end("FINISHED")
    with serve_mlflow(tmp_path) as address:
        browser.open("about:blank")
        browser.open(f"{address}/#/experiments/1/runs/{session.study_run_id}/artifacts/report.html")
        frame = "document.querySelector('iframe[src^=blob]')"
        browser.wait_for(f"!!{frame}", seconds=60)
        text = browser.wait_for(f"fetch({frame}.src).then(answer => answer.text())")
        assert text == file.read_text(encoding="utf-8")
        assert browser.evaluate(f"{frame}.sandbox.contains('allow-scripts')")
        assert faults(browser) == []
