"""The pictures in data/README.md: the same every time, readable, and described in words that are true."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from functools import cache
from itertools import combinations

import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Text
from PIL import Image
from shapely import Point

from course.figures import what_is_missing
from course.town import SEEDS, pictures
from course.town.borough import draw
from course.town.pictures import (
    ORANGE,
    Picture,
    births_figure,
    deprivation_figure,
    draw_all,
    map_figure,
    places_figure,
    runs_short,
)

KINDS = ["map", "deprivation", "births", "places"]
FIGURES = {"map": map_figure, "deprivation": deprivation_figure, "births": births_figure, "places": places_figure}
PNG_BYTES, ALL_BYTES = 350_000, 1_600_000
OTHER_EASTMERES = (1, 4, 7)
borough_of = cache(draw)  # which itself keeps fewer boroughs than are looked at here


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Of each borough: the folder with its pictures, and what they are."""
    folder = tmp_path_factory.mktemp("pictures") / "as" / "deep"
    return folder, {name: draw_all(borough_of(name, seed), folder) for name, seed in SEEDS.items()}


@pytest.fixture(scope="module", params=[*SEEDS.items(), *(("eastmere", seed) for seed in OTHER_EASTMERES)], ids=str)
def borough(request):
    return borough_of(*request.param)


@pytest.fixture(params=SEEDS)
def shipped(request, drawn):
    """A borough of the course, and its pictures by kind."""
    borough = borough_of(request.param, SEEDS[request.param])
    return borough, dict(zip(KINDS, drawn[1][request.param], strict=True))


@cache
def figure_of(name, seed, kind):
    """A figure and every text that is seen in it, with the box that it fills in pixels. Drawn once for all tests."""
    figure = FIGURES[kind](borough_of(name, seed))
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    hidden = unseen(figure)
    seen = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text() and id(text) not in hidden]
    return figure, [(text, text.get_window_extent(renderer)) for text in seen]


def unseen(figure):
    """The labels of ticks that are not drawn: of a map, or beyond the ends of an axis."""
    found = set()
    for ax in figure.axes:
        for number, (labels, ends) in enumerate(
            [(ax.get_xticklabels(), ax.get_xlim()), (ax.get_yticklabels(), ax.get_ylim())]
        ):
            found |= {id(one) for one in labels if not (ax.axison and ends[0] <= one.get_position()[number] <= ends[1])}
    return found


def children_born(borough, planning_area_id=None):
    """Births by year, summed up row by row."""
    of_area = dict(zip(borough.areas["area_id"], borough.areas["planning_area_id"], strict=True))
    born = {}
    for row in borough.births.itertuples():
        if planning_area_id in (None, of_area[row.area_id]):
            born[row.year_to_august] = born.get(row.year_to_august, 0) + row.births
    return born


def in_words(change):
    return f"{'rose' if change > 0 else 'fell'} by {abs(change):.0%}"


def test_each_borough_has_four_pictures_and_no_other_file_is_written(drawn):
    folder, pictures = drawn
    files = [picture.file for of in pictures.values() for picture in of]
    assert files == [f"{name}-{kind}.png" for name in SEEDS for kind in KINDS]
    assert sorted(path.name for path in folder.iterdir()) == sorted(files)
    assert all(isinstance(picture, Picture) for of in pictures.values() for picture in of)


def test_they_are_small_and_wide_enough(drawn):
    folder, _ = drawn
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    assert max(sizes.values()) <= PNG_BYTES, sizes
    assert sum(sizes.values()) <= ALL_BYTES, sizes
    for path in folder.iterdir():
        with Image.open(path) as image:
            assert image.format == "PNG"
            assert image.width == 1200
            assert not image.info, "no day, no version: the same file on another day"


def test_the_same_borough_gives_the_same_bytes_in_another_folder(drawn, tmp_path):
    folder, pictures = drawn
    again = draw_all(borough_of("wexmoor", SEEDS["wexmoor"]), tmp_path)
    assert again == pictures["wexmoor"]
    for picture in again:
        assert (tmp_path / picture.file).read_bytes() == (folder / picture.file).read_bytes(), picture.file


def test_what_a_user_has_set_for_matplotlib_changes_nothing(drawn, tmp_path):
    folder, pictures = drawn
    (tmp_path / "matplotlibrc").write_text(
        "font.size: 30\nfont.family: serif\nlines.linewidth: 9\naxes.facecolor: black\nsavefig.dpi: 50\n"
        "text.color: red\npath.simplify: False\npatch.antialiased: False\naxes.grid: True\nlegend.fontsize: 40\n",
        encoding="utf-8",
    )
    code = (
        "import sys; from pathlib import Path; import matplotlib\n"
        "assert matplotlib.rcParams['font.size'] == 30\n"
        "from course.town.borough import draw; from course.town.pictures import draw_all\n"
        f"draw_all(draw('eastmere', {SEEDS['eastmere']}), Path(sys.argv[1]))\n"
        "assert matplotlib.rcParams['font.size'] == 30\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    here = {**os.environ, "MATPLOTLIBRC": str(tmp_path / "matplotlibrc")}
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "out")], check=True, env=here)
    for picture in pictures["eastmere"]:
        assert (tmp_path / "out" / picture.file).read_bytes() == (folder / picture.file).read_bytes(), picture.file


@pytest.mark.parametrize("kind", KINDS)
def test_no_text_covers_another_or_is_cut_off(borough, kind):
    figure, found = figure_of(borough.name, borough.seed, kind)
    width, height = figure.canvas.get_width_height()
    for text, box in found:
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height, f"{text.get_text()} is cut off"
    for (one, box), (other, other_box) in combinations(found, 2):
        assert not box.overlaps(other_box), f"{one.get_text()!r} and {other.get_text()!r} overlap"


def test_the_map_names_what_is_there(borough):
    figure, found = figure_of(borough.name, borough.seed, "map")
    names = {text.get_text(): box for text, box in found if text.get_gid() == "name"}
    frame = figure.axes[0].get_window_extent()
    for text, box in names.items():
        assert frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1, text
    river = borough.water.loc[borough.water["kind"] == "river", "name"].item()
    assert {name.upper() for name in borough.planning_areas["name"]} | {river, "N o r t h   S e a"} <= names.keys()
    assert len(set(borough.wards["name"]) & names.keys()) >= 17, "half of the wards find room"


def test_each_planning_area_s_name_lies_in_it(borough):
    figure, _ = figure_of(borough.name, borough.seed, "map")
    at = {text.get_text(): text.get_position() for text in figure.axes[0].texts if text.get_gid() == "name"}
    shapes = borough.planning_area_boundaries.set_index("name").geometry
    for name, shape in shapes.items():
        assert shape.contains(Point(at[name.upper()])), name


def test_text_is_large_enough_and_horizontal(borough):
    for kind in KINDS:
        _, found = figure_of(borough.name, borough.seed, kind)
        for text, _ in found:
            pixels_in_readme = text.get_fontsize() / 72 * 120 * 900 / 1200
            assert pixels_in_readme >= 10, text.get_text()
            assert text.get_rotation() == 0, text.get_text()
            assert "DejaVuSans" in text.get_fontproperties().get_file(), text.get_text()


def contrast(one, other):
    """As WCAG 2 defines it."""

    def light(colour):
        parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(colour)]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2] + 0.05

    return max(light(one) / light(other), light(other) / light(one))


def test_marks_and_text_stand_out_from_what_lies_under_them():
    for ground in (pictures.FIELDS, pictures.WOODS, pictures.BUILT_UP, "white"):
        for style in (pictures.SCHOOLS_SHOWN, pictures.SITES_SHOWN, pictures.EXPANSIONS_SHOWN):
            seen = [style[part] for part in ("facecolor", "edgecolor") if style[part] != "none"]
            assert max(contrast(colour, ground) for colour in seen) >= 3, (style, ground)
        for line in (pictures.ROAD, pictures.BORDER):
            assert contrast(line, ground) >= 3, (line, ground)
    for mark in (pictures.BLUE, ORANGE, pictures.QUIET_MARK):
        assert contrast(mark, "white") >= 3, mark
    for words, ground in [
        (pictures.INK, "white"), (pictures.QUIET_TEXT, "white"), (pictures.QUIET_TEXT, pictures.ELSEWHERE),
        (pictures.DARK_ORANGE, "white"), (pictures.BORDER, "white"), (pictures.BLUE, pictures.SEA),
        (pictures.INK, pictures.SEA), (pictures.INK, pictures.BUILT_UP),
    ]:  # fmt: skip
        assert contrast(words, ground) >= 4.5, (words, ground)


def test_every_picture_has_words_that_can_stand_in_for_it(shipped):
    _, pictures = shipped
    for picture in pictures.values():
        assert what_is_missing(picture.alt) == []
        assert 2 <= len(re.findall(r"\.(?= |$)", picture.alt)) <= 3, picture.alt
        assert len(re.findall(r"\.(?= |$)", picture.caption)) == 1, picture.caption
        assert not set(picture.alt + picture.caption) & set('[]\n*_|<>"')


def test_the_words_about_the_map_count_what_is_on_it(shipped):
    borough, pictures = shipped
    alt = pictures["map"].alt
    assert borough.name.capitalize() in alt
    assert f"{len(borough.schools)} primary schools" in alt
    assert f"{borough.sites['kind'].eq('new school').sum()} sites for a new school" in alt
    assert f"{borough.sites['kind'].eq('expansion').sum()} schools that could grow" in alt
    assert f"{borough.road_edges['kind'].eq('bridge').sum()} bridges" in alt
    assert all(name in alt for name in borough.planning_areas["name"])


def test_the_words_about_deprivation_are_true(shipped):
    borough, pictures = shipped
    alt = pictures["deprivation"].alt
    decile = borough.deprivation.set_index("area_id")["decile"]
    assert f"{(decile <= 2).sum()} of its {len(borough.areas)} small areas" in alt
    shares = {}
    for row in borough.planning_areas.itertuples():
        here = borough.areas.loc[borough.areas["planning_area_id"] == row.planning_area_id, "area_id"]
        shares[row.name] = (decile[here] <= 2).sum() / len(here)
    most, least = max(shares, key=shares.get), min(shares, key=shares.get)
    assert f"in {most} ({shares[most]:.0%}" in alt
    assert shares[least] == min(shares.values()) and f"({shares[least]:.0%})" in alt
    now = borough.rolls[borough.rolls["school_year"] == 2025].groupby("school_id")["pupils"].sum()
    assert f"from {now.min()} to {now.max()} pupils" in alt


def test_the_words_about_births_are_true(shipped):
    borough, pictures = shipped
    alt = pictures["births"].alt
    short = runs_short(borough)
    name = borough.planning_areas.set_index("planning_area_id").loc[short, "name"]
    for where, planning_area in ((f"{borough.name.capitalize()} as a whole", None), (name, short)):
        born = children_born(borough, planning_area)
        change = sum(born[year] for year in (2023, 2024, 2025)) / sum(born[year] for year in (2011, 2012, 2013)) - 1
        assert f"{in_words(change)} in {where}" in alt
        assert (change > 0) == (planning_area == short), "the story: births fall, but not here"
    rolls = borough.rolls.groupby("school_year")["pupils"].sum()
    assert f"primary pupils {in_words(rolls[2025] / rolls[2016] - 1)} in {borough.name.capitalize()}" in alt


def test_the_words_about_places_are_true(shipped):
    borough, pictures = shipped
    alt = pictures["places"].alt
    now = borough.rolls[borough.rolls["school_year"] == 2025].groupby("school_id")["pupils"].sum()
    schools = borough.schools.set_index("school_id")
    spare = (schools["capacity"] - now).groupby(schools["planning_area_id"]).sum()
    share = spare / schools.groupby("planning_area_id")["capacity"].sum()
    names = borough.planning_areas.set_index("planning_area_id")["name"]
    assert f"{now.sum():,} pupils for {schools['capacity'].sum():,} places" in alt
    assert f"so {spare.sum() / schools['capacity'].sum():.0%} are spare" in alt
    tight = share.idxmin()
    assert f"{names[tight]} has the smallest share to spare, {share[tight]:.0%} ({spare[tight]:,} places)" in alt
    assert f"{names[share.idxmax()]} the largest, {share.max():.0%} ({spare[share.idxmax()]:,})" in alt


def test_the_planning_area_that_runs_short_is_found_in_the_public_tables(borough):
    truth = borough.truth[borough.truth["school_year"] == 2028].set_index("planning_area_id")
    assert runs_short(borough) == (truth["reception_places"] - truth["reception_wanted"]).idxmin()
    hidden = replace(borough, truth=pd.DataFrame())
    assert runs_short(hidden) == runs_short(borough)
    assert births_figure(hidden).axes


def test_bars_begin_at_nothing_and_both_panels_of_births_share_a_scale(borough):
    assert figure_of(borough.name, borough.seed, "places")[0].axes[0].get_xlim()[0] == 0
    births, pupils = figure_of(borough.name, borough.seed, "births")[0].axes
    assert births.get_ylim() == pupils.get_ylim()
    lines = [line for panel in (births, pupils) for line in panel.lines if line.get_color() == ORANGE]
    low, high = births.get_ylim()
    assert len(lines) == 2
    assert all(low <= value <= high for panel in (births, pupils) for line in panel.lines for value in line.get_ydata())


def test_circles_have_the_area_that_pupils_call_for(borough):
    figure, _ = figure_of(borough.name, borough.seed, "deprivation")
    pupils = borough.rolls[borough.rolls["school_year"] == 2025].groupby("school_id")["pupils"].sum()
    circles = next(found for found in figure.axes[0].collections if len(found.get_offsets()) == len(borough.schools))
    wanted = pupils.reindex(borough.schools["school_id"]).to_numpy()
    ratio = circles.get_sizes() / wanted
    assert ratio.max() == pytest.approx(ratio.min())
    key = [found.get_sizes()[0] for found in figure.axes[1].collections]
    assert key == pytest.approx([ratio[0] * shown for shown in (100, 300, 600)])


def test_one_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    with pytest.raises(OSError, match="taken"):
        draw_all(borough_of("wexmoor", SEEDS["wexmoor"]), tmp_path / "taken")
