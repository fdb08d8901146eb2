"""The green belt: the open country round the town, with villages left out."""

import geopandas
import shapely

from course.town.grid import GRID
from course.town.streets import Streets

HOMES_A_HECTARE = 0.35  # fewer points of people than this is open country
SMALLEST = 60 * 10_000  # m2


def green_belt(streets: Streets) -> geopandas.GeoSeries:
    """Polygons of open country, the largest first, in metres on the grid."""
    hectares = shapely.area(streets.cells) / 10_000
    country = streets.cells[streets.homes / hectares < HOMES_A_HECTARE]
    open_land = shapely.buffer(shapely.union_all(country), -90)
    open_land = shapely.simplify(shapely.buffer(open_land, 60), 12)
    parts = [part for part in shapely.get_parts(open_land) if part.area > SMALLEST]
    without_holes = [_without_small_holes(part) for part in parts]
    return geopandas.GeoSeries(sorted(without_holes, key=lambda part: -part.area), crs=GRID)


def _without_small_holes(polygon: shapely.Polygon) -> shapely.Polygon:
    holes = [ring for ring in polygon.interiors if shapely.Polygon(ring).area > 15 * 10_000]
    return shapely.Polygon(polygon.exterior, holes)
