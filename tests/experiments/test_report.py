from __future__ import annotations

import ast
import dataclasses
import os
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from experiments.drawing.inline_image import LARGE, InlineImage
from experiments.drawing.report_page import TEMPLATE, Entry, page
from experiments.report import kept_entries, run_entries
from experiments.running.catalogue import GROUPS, SECTIONS, Group, group_of, group_of_figure
from experiments.running.result_labels import LABELS, WORDS, label
from experiments.running.results import Measurement, Row
from experiments.running.scorecard import Claim, tables
from experiments.running.stored_results import FOLDER, StoredResult, read_all
from tests.experiments.running.test_stored_results import result

ROOT = Path(__file__).parents[2]
TOY = Group("resgn", "table1", "Table 1", columns=("dodging",))


@pytest.fixture(scope="module")
def whole() -> str:
    """The page of everything that is kept."""
    return page(list(kept_entries()), tables())


class Outline(HTMLParser):
    """What a page's elements are."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.headings: list[int] = []
        self.images: list[dict[str, str | None]] = []
        self.cells: list[tuple[str, dict[str, str | None]]] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.language: str | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = dict(attrs)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "html":
            self.language = has.get("lang")
        if tag == "img":
            self.images.append(has)
        if tag == "th":
            self.cells.append((tag, has))
        if tag == "a":
            self.links.append(has.get("href") or "")
        if has.get("id"):
            self.ids.append(has["id"] or "")


def entry(shown: StoredResult, title: str = "A title", mine: bool = False) -> Entry:
    return Entry(TOY, title, shown, mine=mine)


def text_of(html: str) -> str:
    return " ".join(re.sub("<[^>]*>", " ", html).split())


def test_page_shows_numbers_intervals_and_the_papers() -> None:
    text = page([Entry(Group("resgn", "table1", "Table 1"), "A title", result())])
    assert '<h4 id="result-toy-title">A title</h4>' in text
    assert re.search(r'<td data-value="0.75">75.00<small>30.06 to 95.44</small>', text)
    assert '<small class="paper">paper 99.45</small>' in text
    assert ">0.1700<" in text  # no rate
    assert '<th scope="row"><span>none (!)</span></th>' in text
    assert "(!) none: nothing was attacked" in text
    assert text.count("<tr>") == 3


def test_a_groups_columns_come_first_and_all_are_folded() -> None:
    text = page([entry(result())])
    first, folded = text.split("<summary>All 2 columns</summary>")
    assert ">0.1700<" not in first
    assert ">0.1700<" in folded


def test_page_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros([4, 4, 3], np.uint8))
    text = page([Entry(TOY, "A title", result(), (tmp_path / "a.png",))])
    assert not re.findall(r'(?:src|href)="(?!data:|#)', text)
    assert "http" not in text


def test_page_begins_with_the_claims_and_each_leads_to_its_table() -> None:
    claim = Claim("resgn", "cleans <", "toy", "joint", "dodging", verdict="shape only", link="x")
    text = page([entry(result())], tables([claim], {"toy": result()}))
    assert text.index("Do the papers hold?</h2>") < text.index("Table 1</h3>")
    assert "1 claims: 1 shape only." in text
    assert '<a href="#result-toy">cleans &lt;</a>' in text
    row = text[text.index("cleans &lt;") :].partition("</tr>")[0]
    assert text_of(row) == "cleans &lt; 99.45 75.00 (30.06 to 95.44) 4 shape only"
    assert "Do the papers hold?" not in page([entry(result())])


def test_page_escapes_what_it_is_given() -> None:
    row = Row("<script>", {"a&b": Measurement.bare(1.0, 1)})
    hostile = StoredResult("x", "e", "c <b>", None, 0, 1.0, "d", "float32", "", "<i>", (), (row,))
    text = page([Entry(Group("other", "e", "<h1>"), "<h5>", hostile)])
    assert "&lt;script&gt;" in text
    assert "a&amp;b" in text
    assert "<i>" not in text
    assert "c <b>" not in text
    assert "<h5>" not in text
    assert text.count("<h1>") == 1


def test_large_figures_become_smaller(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, [700, 2400, 3], np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), noise)
    assert (tmp_path / "a.png").stat().st_size > LARGE
    image = InlineImage.read(tmp_path / "a.png")
    assert image.source.startswith("data:image/jpeg;base64,")
    assert len(image.source) < (tmp_path / "a.png").stat().st_size
    assert (image.width, image.height) == (1600, 467)


def test_the_newest_run_stands_beside_the_kept_result_and_older_ones_are_folded(
    tmp_path: Path,
) -> None:
    for age, name in enumerate(("b", "c", "a")):
        result("result").write(tmp_path / "table1" / name)
        os.utime(tmp_path / "table1" / name / "result.json", (1e9 - age, 1e9 - age))
    (tmp_path / "table1" / "broken").mkdir()
    (tmp_path / "table1" / "broken" / "result.json").write_text("{")
    (tmp_path / "table1" / "gone").mkdir()
    (tmp_path / "table1" / "gone" / "result.json").symlink_to(tmp_path / "nowhere")
    runs = list(run_entries(tmp_path))
    assert [each.title for each in runs] == ["table1/b", "table1/c", "table1/a"]
    text = page([entry(result()), entry(result("other"), "Other data"), *runs])
    titles = re.findall(r'badge">([a-z ]+)</span> ([^<]*)<', text)
    assert titles == [
        ("kept", "A title"),
        ("your run", "table1/b"),
        ("kept", "Other data"),
        ("your run", "table1/c"),
        ("your run", "table1/a"),
    ]
    assert "3 further results</b>: Other data; table1/c; table1/a" in text


def test_a_run_that_measures_nothing_shows_its_figures_by_name(tmp_path: Path) -> None:
    for name in ("sixteen", "turntable"):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.zeros([4, 4, 3], np.uint8))
    bare = dataclasses.replace(result("result"), experiment="render", rows=())
    bare.write(tmp_path)
    text = page(list(run_entries(tmp_path)))
    assert "<table" not in text
    assert "The open face model</h3>" in text
    assert re.findall(r"<figcaption>(\w+)</figcaption>", text) == ["sixteen", "turntable"]
    assert len({image["alt"] for image in Outline(text).images}) == 2


def test_numbers_under_the_same_conditions_stand_in_one_cell() -> None:
    rows = (Row("joint", {"dodging": Measurement.bare(0.5, 4)}),)
    mine = dataclasses.replace(result(), rows=rows)
    shown = '50.00<small class="kept">kept 75.00</small>'
    assert shown in page([entry(result()), entry(mine, mine=True)])
    other = dataclasses.replace(mine, notes="Of other data.")
    assert "kept 75.00" not in page([entry(result()), entry(other, mine=True)])


def test_a_note_under_several_tables_stands_once() -> None:
    shared = "Percent of pairs verified correctly, as in Eq. 1 of the paper."
    pair = [
        dataclasses.replace(result(name), notes=f"{shared} Data {name}.") for name in ("a", "b")
    ]
    text = page([entry(each) for each in pair])
    assert text.count(shared) == 1
    assert text.count('<a href="#resgn-note-1">1</a>') == 2
    assert "Data a. Note" in text
    assert page([entry(pair[0])]).count(f"{shared} Data a.") == 1


def test_everything_that_is_kept_is_shown_once(whole: str) -> None:
    results = read_all()
    for name, kept in results.items():
        assert whole.count(f'id="result-{name}"') == 1
        assert kept.command.replace("'", "&#39;") in whole
    figures = sorted((FOLDER.parent / "figures").glob("*.*"))
    assert len(Outline(whole).images) == len(figures) > 20


def test_the_page_is_accessible(whole: str) -> None:
    outline = Outline(whole)
    assert outline.language == "en"
    assert outline.headings[0] == 1
    assert outline.headings.count(1) == 1
    steps = zip(outline.headings, outline.headings[1:], strict=False)
    assert all(after <= before + 1 for before, after in steps)
    assert all(cell.get("scope") in ("col", "row") for _, cell in outline.cells)
    texts = [image.get("alt") or "" for image in outline.images]
    assert all(len(text) > 10 for text in texts)
    assert len(set(texts)) == len(texts)
    assert len(set(outline.ids)) == len(outline.ids)
    assert {link.removeprefix("#") for link in outline.links} <= set(outline.ids)


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb` (WCAG 2)."""
    parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_text_stands_out_in_light_and_dark() -> None:
    schemes = re.findall(r":root \{([^}]*)\}", TEMPLATE.read_text("utf-8"))
    palettes = [
        {
            name: value if len(value) == 7 else "#" + "".join(2 * c for c in value[1:])
            for name, value in re.findall(r"--(\w+): (#\w+)", scheme)
        }
        for scheme in schemes
    ]
    assert len(palettes) == 3  # light, dark, print
    for palette in palettes:
        for text in ("ink", "soft", "accent", "good", "bad"):
            for ground in ("page", "band"):
                low, high = sorted([luminance(palette[text]), luminance(palette[ground])])
                assert (high + 0.05) / (low + 0.05) >= 4.5, (text, ground)


def test_the_page_does_not_scroll_sideways(whole: str, tmp_path: Path) -> None:
    """In a browser, as wide as a phone, a laptop and a screen, with all that is folded open."""
    browser = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)
    if browser is None:
        pytest.skip("no browser")
    measure = """<script>
        for (const each of document.querySelectorAll("details")) each.open = true;
        const root = document.documentElement;
        parent.postMessage(`${innerWidth}: ${root.scrollWidth - root.clientWidth};`, "*");
    </script></body>"""
    (tmp_path / "page.html").write_text(whole.replace("</body>", measure), "utf-8")
    widths = (360, 1280, 1920)
    frames = "".join(f"<iframe src=page.html width={w} height=900></iframe>" for w in widths)
    listen = "<script>addEventListener('message', e => document.title += e.data)</script>"
    (tmp_path / "outer.html").write_text(f"<title></title>{listen}{frames}", "utf-8")
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    command += ["--virtual-time-budget=20000", f"--user-data-dir={tmp_path / 'profile'}"]
    address = (tmp_path / "outer.html").as_uri()
    done = subprocess.run([*command, address], capture_output=True, text=True, timeout=120)
    found = dict(re.findall(r"(\d+): (-?\d+);", done.stdout))
    if not found:
        pytest.skip("the browser does not start here")
    assert found == {str(width): "0" for width in widths}


def writing_experiments() -> set[str]:
    """Experiments of every command and benchmark that writes a `result.json`."""
    found = set()
    for path in [*(ROOT / "experiments").glob("*.py"), *(ROOT / "benchmarks").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Run", "result.keep"):
                found.add(ast.literal_eval(node.args[0]))
    return found


def test_every_experiment_has_a_title_and_a_section() -> None:
    kept = {each.experiment for each in read_all().values()}
    written = writing_experiments()
    assert {"judges", "certify", "evaluate", "benchmark_stacks", "table1"} <= written
    for experiment in kept | written:
        group = group_of(experiment)
        assert group in GROUPS, f"{experiment}: no title and section in the catalogue"
        assert group.title != experiment


def test_the_catalogue_names_what_is_there() -> None:
    results = read_all()
    assert len({group.key for group in GROUPS}) == len(GROUPS)
    assert {group.section for group in GROUPS} <= set(SECTIONS)
    for group in GROUPS:
        inside = {n: r for n, r in results.items() if group_of(r.experiment, n) is group}
        assert set(group.main) <= set(inside)
        main = [inside[name] for name in group.main] or list(inside.values())[:1]
        columns = {column for each in main for row in each.rows for column in row.columns}
        assert not main or set(group.columns) <= columns, group.key
    figures = {path.stem for path in (FOLDER.parent / "figures").glob("*.*")}
    for group in GROUPS:
        assert set(group.captions) <= figures
    for name in figures - set(results):
        assert name in group_of_figure(name).captions, f"{name}: no caption in the catalogue"


def test_results_find_their_groups_and_names() -> None:
    assert group_of("table1", "table1_orl_seed1").title.startswith("Table 1: ")
    assert group_of("table1", "table1_lfw_cleaners").section == "beyond"
    assert group_of("mine") == Group("other", "mine", "mine")
    assert group_of_figure("mofa_identity_roc").experiment == "train_identity"
    assert group_of_figure("render_new").experiment == "render"
    assert group_of_figure("adaptive_orl_more").experiment == "adaptive"
    results = read_all()
    assert label(results["table1_lfw_facenet"]) == "LFW, FaceNet"
    assert label(results["table1_lfw_full_on"]) == "LFW, full network, trained on, dlib's network"
    assert label(results["table1_orl_seed1"]) == "ORL, seed 1, dlib's network"
    assert label(results["benchmark_attacks"]) == ""
    assert label(results["defense_celeba"]) == "CelebA"
    assert set(LABELS) <= set(results)
    shown = ", ".join(label(result) for result in results.values())
    assert [word for word in WORDS.values() if word not in shown] == []
    for section in {group.section for group in GROUPS}:
        names = [
            (group_of(r.experiment, n).key, label(r))
            for n, r in results.items()
            if group_of(r.experiment, n).section == section
        ]
        assert len(set(names)) == len(names)


def told(
    name: str, command: str, value: float, row: str = "joint", notes: str = "n"
) -> StoredResult:
    rows = (Row(row, {"dodging": Measurement.bare(value, 4)}),)
    return dataclasses.replace(result(), name=name, command=command, rows=rows, notes=notes)


def test_beside_ones_own_run_stands_what_was_measured_as_it_was() -> None:
    """Of several kept results with the same notes the one with the same flags, or none."""
    kept = [entry(told("a", "python -m x --target=dlib --seed=1", 0.11))]
    kept += [entry(told("b", "python -m x --target=facenet --seed=1", 0.22))]

    def beside(mine: StoredResult, *others: Entry) -> list[str]:
        return re.findall("kept ([0-9.]+)", text_of(page([*others, entry(mine, "m", mine=True)])))

    assert beside(told("m", "resgn x --seed=1 --target=dlib", 0.5), *kept) == ["11.00"]
    assert beside(told("m", "resgn x --seed=1 --target=facenet", 0.5), *kept) == ["22.00"]
    assert beside(told("m", "resgn x --seed=1", 0.5), *kept) == []
    assert beside(told("m", "resgn x", 0.5), kept[0]) == ["11.00"]
    assert beside(told("m", "resgn x", 0.5, row="other"), kept[0]) == []
    twice = [kept[0], entry(told("c", "python -m x --target=dlib --seed=1", 0.33))]
    assert beside(told("m", "resgn x --seed=1 --target=dlib", 0.5), *twice) == []


def test_what_a_killed_run_left_half_written_costs_no_report(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "one"
    folder.mkdir(parents=True)
    stored = next(iter(sorted(FOLDER.glob("*.json"))))
    shutil.copy(stored, folder / "result.json")
    cv2.imwrite(str(folder / "roc.png"), np.zeros([4, 4, 3], np.uint8))
    (folder / ".roc.abcd.png").write_bytes(b"")
    (folder / "scores.png").write_bytes(b"half")
    (found,) = run_entries(tmp_path / "runs")
    assert [path.name for path in found.figures] == ["roc.png"]
    (tmp_path / "results").mkdir()
    (tmp_path / "figures").mkdir()
    for name in (".DS_Store", "a.txt"):
        (tmp_path / "figures" / name).write_text("")
    assert not list(kept_entries(tmp_path / "results"))
