"""From metres on the British National Grid to longitude and latitude: the same digits on every machine.

PROJ picks its way between the two by the correction grids that it finds on the machine, which moves points by up to
five metres. Here the way is fixed: the seven-parameter shift, good to five metres on land, which for a made-up borough
in the sea is more than enough.

Source: Ordnance Survey, A guide to coordinate systems in Great Britain (the projection, and the shift from WGS84 in
section 6.6, here the other way round), as PROJ's operation "OSGB36 to WGS 84 (6)", EPSG:1314.
"""

from functools import lru_cache

import geopandas
import numpy as np
import shapely
from pyproj import Transformer

GRID = "EPSG:27700"  # easting and northing in metres
LONLAT = "EPSG:4326"
DECIMALS = 6  # of a degree: about a decimetre
PIPELINE = """
    +proj=pipeline
    +step +inv +proj=tmerc +lat_0=49 +lon_0=-2 +k=0.9996012717 +x_0=400000 +y_0=-100000 +ellps=airy
    +step +proj=push +v_3
    +step +proj=cart +ellps=airy
    +step +proj=helmert +x=446.448 +y=-125.157 +z=542.06 +rx=0.15 +ry=0.247 +rz=0.842 +s=-20.489
          +convention=position_vector
    +step +inv +proj=cart +ellps=WGS84
    +step +proj=pop +v_3
    +step +proj=unitconvert +xy_in=rad +xy_out=deg
"""


@lru_cache
def _transformer() -> Transformer:
    return Transformer.from_pipeline(PIPELINE)


def lonlat(easting, northing) -> tuple[np.ndarray, np.ndarray]:
    """Longitude and latitude (degrees, WGS84, six decimals) of points in metres on the grid; arrays of one length."""
    longitude, latitude = _transformer().transform(np.asarray(easting, float), np.asarray(northing, float))
    return np.round(longitude, DECIMALS), np.round(latitude, DECIMALS)


def geometry_lonlat(shapes: geopandas.GeoSeries) -> geopandas.GeoSeries:
    """`shapes`, in metres on the grid, in longitude and latitude: six decimals, shells anticlockwise (RFC 7946).

    A corner that two shapes share is the same to the last digit in both. Raises ValueError for shapes in another
    system.
    """
    if shapes.crs != GRID:
        raise ValueError(f"Shapes in {shapes.crs}, where {GRID} is needed.")
    turned = shapely.transform(np.asarray(shapes.array), lambda points: _rounded(_exactly(points)))
    turned = shapely.remove_repeated_points(turned)  # corners less than a decimetre apart have become one
    # A strip thinner than a decimetre may now cross itself: such a shape is cut anew along the lines of six decimals.
    for place in np.flatnonzero(~shapely.is_valid(turned)):
        exact = shapely.transform(shapes.iloc[place], _exactly)
        turned[place] = shapely.transform(shapely.set_precision(exact, 10.0**-DECIMALS), _rounded)
    return geopandas.GeoSeries(shapely.orient_polygons(turned), index=shapes.index, crs=LONLAT)


def _exactly(points: np.ndarray) -> np.ndarray:
    return np.column_stack(_transformer().transform(points[:, 0], points[:, 1]))


def _rounded(points: np.ndarray) -> np.ndarray:
    return np.round(points, DECIMALS)
