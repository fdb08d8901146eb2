"""`make` writes all of data/ and the mentors' pages: the same bytes each time, whole or not at all, never over anything."""

import json
import os
import shutil
import subprocess
import sys

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely

from course.town import BOROUGHS, SEEDS, TABLES, NoPlace, _lay, make, tables
from course.town.borough import draw
from course.town.grid import geometry_lonlat, lonlat

MB = 1_000_000
TEXT = (".csv", ".geojson", ".json", ".md")


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    folder = tmp_path_factory.mktemp("town")
    make(folder / "data", mentor=folder / "mentor")
    return folder


@pytest.fixture(scope="module")
def data(town):
    return town / "data"


def files_in(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_same_seed_gives_the_same_bytes_in_another_process_and_another_folder(town, tmp_path):
    into, mentor = tmp_path / "a" / "data", tmp_path / "b"
    code = "import sys; from course import town; town.make(town.Path(sys.argv[1]), mentor=town.Path(sys.argv[2]))"
    environment = os.environ | {"PYTHONHASHSEED": "5"}
    subprocess.run([sys.executable, "-c", code, into, mentor], cwd=tmp_path, env=environment, check=True)
    assert names_in(tmp_path) == ["a", "b"]
    for made, again in ((town / "data", into), (town / "mentor", mentor)):
        first, second = files_in(made), files_in(again)
        assert first.keys() == second.keys()
        assert [name for name in first if first[name] != second[name]] == []


def test_a_cohort_can_have_an_eastmere_of_its_own(town, tmp_path):
    make(tmp_path / "data", SEEDS | {"eastmere": 7}, tmp_path / "mentor")
    ours, theirs = files_in(town), files_in(tmp_path)
    assert ours.keys() == theirs.keys()
    common = [path for path in ours if "eastmere" not in path and not path.endswith("README.md")]
    assert len(common) > 30
    assert [path for path in common if ours[path] != theirs[path]] == []
    own = [path for path in ours if path.startswith(("data/eastmere/", "mentor/eastmere"))]
    alike = [path for path in own if ours[path] == theirs[path]]
    assert alike == ["data/eastmere/pupil-yields.csv"], "a planning figure that both councils reckon with"


def test_all_of_it_is_small_enough_for_a_workshop_s_server(data):
    sizes = {name: len(content) for name, content in files_in(data).items()}
    assert sum(sizes.values()) <= 12 * MB
    assert {name: size for name, size in sizes.items() if size > 3 * MB} == {}


def test_lines_end_alike_everywhere_but_in_what_was_received(data):
    for name, content in files_in(data).items():
        if name.endswith(TEXT) and "as-received" not in name:
            assert b"\r" not in content, name
            assert content.endswith(b"\n"), name
            content.decode("utf-8")


def test_every_table_holds_what_the_borough_holds(data):
    for table in TABLES:
        if table.subject == "The council's staff" or table.is_map:
            continue
        for name in table.boroughs:
            rows = table.make(name, SEEDS[name])
            read = pd.read_csv(data / table.path(name), dtype=str, keep_default_na=False)
            assert len(read) == len(rows) > 0
            for field in table.fields:
                there = rows[field.name]
                if field.type == tables.NUMBER:
                    assert read[field.name].astype(float).tolist() == there.tolist()
                else:
                    assert read[field.name].tolist() == ["" if pd.isna(one) else str(one) for one in there], field.name


# Maps

MAPS = [table for table in TABLES if table.is_map]


@pytest.mark.parametrize("table", MAPS, ids=[table.name for table in MAPS])
def test_a_map_is_what_the_standard_for_geojson_says(data, table):
    for borough in BOROUGHS:
        text = (data / table.path(borough)).read_text(encoding="utf-8")
        collection = json.loads(text)
        assert collection.keys() == {"type", "features"}, "no crs member: longitude and latitude are what it is in"
        lines = text.splitlines()[1:-1]
        assert [json.loads(line.removesuffix(",")) for line in lines] == collection["features"], "one feature a line"
        for feature in collection["features"]:
            assert list(feature) == ["type", "properties", "geometry"]
            assert list(feature["properties"]) == [field.name for field in table.fields[:-1]]
            shape = shapely.geometry.shape(feature["geometry"])
            assert shape.is_valid
            assert not shape.is_empty
            corners = shapely.get_coordinates(shape)
            assert (corners == corners.round(6)).all()
            assert ((corners > (1, 53)) & (corners < (2, 54))).all()
            for polygon in getattr(shape, "geoms", [shape]):
                if polygon.geom_type == "Polygon":
                    assert polygon.exterior.is_ccw
                    assert not any(hole.is_ccw for hole in polygon.interiors)


@pytest.mark.parametrize("table", MAPS, ids=[table.name for table in MAPS])
def test_a_map_is_read_back_in_its_place_to_ten_metres(data, table):
    """geopandas takes the way from degrees to metres that its machine has grids for; ours is fixed."""
    for borough in BOROUGHS:
        read = geopandas.read_file(data / table.path(borough)).to_crs("EPSG:27700")
        drawn = table.make(borough, SEEDS[borough])
        for there, here in zip(read.geometry, drawn.geometry, strict=True):
            outline = here if here.geom_type.endswith("LineString") else here.boundary
            assert shapely.distance(shapely.points(shapely.get_coordinates(there)), outline).max() < 10
            size = "length" if outline is here else "area"
            assert getattr(there, size) == pytest.approx(getattr(here, size), rel=0.001)


def test_points_are_where_geopandas_puts_them_to_ten_metres():
    rng = np.random.default_rng(1)
    easting, northing = rng.uniform(600_000, 640_000, 500), rng.uniform(400_000, 430_000, 500)
    back = geopandas.GeoSeries.from_xy(*lonlat(easting, northing), crs=4326).to_crs(27700)
    assert np.hypot(back.x - easting, back.y - northing).max() < 10
    assert lonlat(620_000, 415_000) == (1.322284, 53.585396)


def test_neighbours_share_their_corners_to_the_last_digit():
    left, right = shapely.box(610_000, 410_000, 610_500, 410_700), shapely.box(610_500, 410_000, 611_000, 410_700)
    one, other = geometry_lonlat(geopandas.GeoSeries([left, right], crs=27700))
    assert one.intersection(other).length > 0
    assert one.touches(other)


def test_a_crack_too_thin_for_six_decimals_does_not_spoil_its_shape():
    """What is left of one flood zone beside the other has such cracks: here one of a centimetre, slanting and jagged."""
    there = [(610_000 + 7.3 * step, 410_200 + 2.7 * step) for step in range(40)]
    back = [(610_003 + 7.3 * step, 410_201.1 + 2.7 * step) for step in reversed(range(39))]
    shape = shapely.Polygon([(609_900, 410_000), (610_900, 410_000), (610_900, 410_900), (609_900, 410_900), *there, *back])
    assert shape.is_valid
    rounded = shapely.transform(shape, lambda points: np.column_stack(lonlat(points[:, 0], points[:, 1])))
    assert not rounded.is_valid
    (turned,) = geometry_lonlat(geopandas.GeoSeries([shape], crs=27700))
    assert turned.is_valid
    corners = shapely.get_coordinates(turned)
    assert (corners == corners.round(6)).all()
    again = geopandas.GeoSeries([turned], crs=4326).to_crs(27700).iloc[0]
    assert again.area == pytest.approx(shape.area, rel=0.001)


def test_shapes_in_other_coordinates_are_refused():
    with pytest.raises(ValueError, match="EPSG:27700 is needed"):
        geometry_lonlat(geopandas.GeoSeries([shapely.Point(1, 53)], crs=4326))


def test_whole_numbers_with_gaps_stay_whole():
    """pandas makes 3.0 of a 3 that stands above a gap."""
    counted = pd.DataFrame({"pupils": [3.0, None]})
    table = tables.Table(
        "t", "", "", "", "", (tables.Field("pupils", "integer", "", ""),), (), lambda borough, seed: counted
    )
    assert table.content("wexmoor", 1) == b'pupils\n3\n""\n'


# What only mentors may see


def test_mentors_get_the_truth_and_the_planted_defects_of_each_borough(town):
    pages = files_in(town / "mentor")
    assert pages.keys() == {"README.md"} | {f"{name}-{what}.csv" for name in BOROUGHS for what in ("truth", "defects")}
    for name in BOROUGHS:
        truth = pd.read_csv(town / "mentor" / f"{name}-truth.csv")
        expected = draw(name, SEEDS[name]).truth
        assert truth.columns.tolist() == expected.columns.tolist()
        assert len(truth) == len(expected) > 0
        assert truth["planning_area_id"].nunique() == 8
        assert len(pd.read_csv(town / "mentor" / f"{name}-defects.csv")) > 0


def test_trainees_get_nothing_of_it(town):
    names = files_in(town / "data").keys()
    assert not [name for name in names if "truth" in name or "defects" in name or "mentor" in name]
    truth = (town / "mentor" / "wexmoor-truth.csv").read_text().splitlines()[1]
    assert not [name for name, content in files_in(town / "data").items() if truth.encode() in content]


def test_without_a_folder_for_them_mentors_pages_are_not_made(data, tmp_path):
    make(tmp_path / "data")
    assert names_in(tmp_path) == ["data"]
    assert files_in(tmp_path / "data") == files_in(data)


# Whole, or not at all


def test_nothing_is_written_over(tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(NoPlace, match="is not empty"):
        make(tmp_path)
    with pytest.raises(NoPlace, match="is a file"):
        make(tmp_path / "mine.txt")
    with pytest.raises(NoPlace, match=r"mine\.txt is a file"):
        make(tmp_path / "mine.txt" / "data")
    with pytest.raises(NoPlace, match="is not empty"):
        make(tmp_path / "data", mentor=tmp_path)
    assert files_in(tmp_path) == {"mine.txt": b"precious"}
    assert names_in(tmp_path) == ["mine.txt"]


@pytest.mark.parametrize(("into", "mentor"), [("data", "data/mentor"), ("mentor/data", "mentor"), ("data", "data")])
def test_mentors_pages_do_not_lie_in_the_data_nor_the_data_in_them(tmp_path, into, mentor):
    with pytest.raises(NoPlace, match="must lie apart"):
        make(tmp_path / into, mentor=tmp_path / mentor)
    assert names_in(tmp_path) == []


def test_an_empty_folder_is_filled_and_stays_the_same_folder(data, tmp_path):
    """It may be a disk of its own, mounted there."""
    place = tmp_path / "place"
    place.mkdir()
    before = place.stat().st_ino
    make(place)
    assert place.stat().st_ino == before
    assert files_in(place) == files_in(data)


def test_what_was_laid_is_taken_back_when_the_rest_cannot_be(tmp_path):
    for stage in ("one", "two"):
        (tmp_path / stage).mkdir()
        (tmp_path / stage / "page.md").write_text("text")
    (tmp_path / "mounted").mkdir()
    moves = [
        (tmp_path / "one", tmp_path / "new" / "folders" / "data"),
        (tmp_path / "two", tmp_path / "mounted"),
        (tmp_path / "gone", tmp_path / "mentor"),
    ]
    with pytest.raises(FileNotFoundError):
        _lay(moves)
    shutil.rmtree(tmp_path / "two", ignore_errors=True)
    assert names_in(tmp_path) == ["mounted"]
    assert names_in(tmp_path / "mounted") == []


def test_a_made_folder_can_be_read_by_whoever_may_read_new_folders(data, tmp_path):
    plain = tmp_path / "plain"
    plain.mkdir()
    assert data.stat().st_mode == plain.stat().st_mode
    assert {path.stat().st_mode for path in data.rglob("*") if path.is_dir()} == {plain.stat().st_mode}


def test_a_table_without_a_column_that_is_described_is_not_written(tmp_path):
    table = next(one for one in TABLES if one.name == "wards")
    short = tables.Table(**{**vars(table), "make": lambda borough, seed: table.make(borough, seed).drop(columns="name")})
    with pytest.raises(KeyError, match="name"):
        short.content("wexmoor", SEEDS["wexmoor"])
