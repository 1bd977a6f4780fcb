"""Takes the pictures of the documentation: the graph, MLflow's page and the report of a project that has run."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from chromium import Chromium
from servers import export_graph, serve_folder, serve_mlflow

SETTINGS = """if (location.protocol === 'http:') localStorage.KedroViz = JSON.stringify({
    showFeatureHints: false, theme: 'light', visible: {sidebar: false, miniMap: false, graph: true}})"""
SECONDS_TO_SETTLE = 4.0


def take_graph(browser: Chromium, project: Path, folder: Path) -> None:
    """The stages and arms of study 1, without data sets, so that it can be read at the width of a page."""
    browser.resize(1250, 900)
    browser.run_before_every_page(SETTINGS)
    with serve_folder(export_graph(project)) as address:
        browser.open(f"{address}/?pid=jukebox_transfer&types=nodes")
        browser.wait_for("document.querySelectorAll('.pipeline-node').length > 5")
        time.sleep(SECONDS_TO_SETTLE)
        browser.take_picture(folder / "graph.png", around=".pipeline-node", scale=1.6)


def take_mlflow(browser: Chromium, project: Path, folder: Path) -> None:
    """The saved view of all cells as a list and as charts."""
    browser.resize(1500, 950)
    with serve_mlflow(project) as address:
        for mode, name in (("TABLE", "mlflow_runs.png"), ("CHART", "mlflow_charts.png")):
            browser.open("about:blank")
            browser.open(f"{address}/#/experiments/1/runs?viewStateShareKey=arms&compareRunsMode={mode}")
            browser.wait_for_text("matching runs")
            for label in ("MLflow Assistant", "shared view"):
                browser.evaluate(_closer(label))
            _take(browser, folder / name)


def take_report(browser: Chromium, project: Path, folder: Path) -> None:
    """The songs of study 4, while an estimate is played."""
    browser.resize(1200, 900)
    browser.open((project / "data" / "08_reporting" / "open_unmix" / "report.html").as_uri())
    browser.wait_for("!!document.querySelector('.scripted #player')")
    browser.click("#play")
    browser.evaluate("player.nextArm()")
    browser.evaluate("document.querySelector('#listen').scrollIntoView({behavior: 'instant'})")
    _take(browser, folder / "report.png")


def _closer(label: str) -> str:
    """Script that closes the box in which a text stands, if there is one."""
    return f"""(() => {{
        const texts = Array.from(document.querySelectorAll('h1,h2,h3,h4,span,div'));
        let box = texts.reverse().find(one => one.innerText && one.innerText.includes('{label}'));
        for (; box; box = box.parentElement) {{
            const button = Array.from(box.querySelectorAll('button')).find(
                one => /close/i.test(one.ariaLabel || one.dataset.componentId || ''));
            if (button) {{ button.click(); return true; }}
        }}
        return false;
    }})()"""


def _take(browser: Chromium, path: Path) -> None:
    time.sleep(SECONDS_TO_SETTLE)
    browser.take_picture(path)


PICTURES = {"graph": take_graph, "mlflow": take_mlflow, "report": take_report}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("project", type=Path, help="project folder")
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument(
        "names", nargs="*", choices=list(PICTURES), help="which, all without a name; the graph needs no run"
    )
    arguments = parser.parse_args()
    project, folder = arguments.project.resolve(), arguments.folder.resolve()
    with tempfile.TemporaryDirectory() as profile:
        browser = Chromium(Path(profile))
        for name in arguments.names or PICTURES:
            PICTURES[name](browser, project, folder)
        browser.close()


if __name__ == "__main__":
    main()
