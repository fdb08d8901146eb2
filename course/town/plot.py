"""What the course's story needs a borough to show, worked out from its tables as a trainee would.

Local shortage inside overall surplus; a site that looks best and floods; the option that shortens walks most is not the
one that helps the deprived most; a river that changes which school is nearest; two projects chosen one by one are not
the best two.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
import shapely

from course.town.borough import IN_THREE_YEARS, Borough
from course.town.planning import people_aged, walks_from_areas
from course.town.sites import DEPRIVED, FOUND, site_rule_ha

A_FORM = 30  # pupils: the shortage is a form of entry or near it
SHORT_BY, SPARE = 0.8 * A_FORM, 0.04
OTHER_NEAREST, OVER_THE_RIVER = 5, 1  # per cent of children at least


@dataclass(frozen=True)
class Story:
    """What the tables show. Metres are of children aged 4 to 10, from where an area's people live on average.

    `other_nearest` and `over_the_river` are per cent of children: those whose nearest school by road is another than by
    straight line, and those whose nearest by straight line lies over the river.
    `spare_reception`: places less children in IN_THREE_YEARS by planning area; `spare_share` of all places in the
    borough. `options` has a row a site: `saves_m` and `deprived_save_m`, the mean metres that its school would take off
    the walk of all children and of those in the most deprived areas, and `allowed`, whether it passes the hard limits.
    """

    spare_reception: pd.Series
    spare_share: float
    other_nearest: float
    over_the_river: float
    options: pd.DataFrame
    best_pair: tuple[str, str]

    @property
    def short(self) -> list[str]:
        return self.spare_reception.index[self.spare_reception <= -SHORT_BY].tolist()

    @property
    def looks_best(self) -> str:
        return self.options["saves_m"].idxmax()

    @property
    def nearest(self) -> str:
        return self.options.loc[self.options["allowed"], "saves_m"].idxmax()

    @property
    def fairest(self) -> str:
        return self.options.loc[self.options["allowed"], "deprived_save_m"].idxmax()


def read(borough: Borough) -> Story:
    """What the tables of `borough` show."""
    truth = borough.truth[borough.truth["school_year"] == IN_THREE_YEARS].set_index("planning_area_id")
    walks = walks_from_areas(borough)
    children = people_aged(borough, 4, 10).to_numpy()
    options, best_pair = _options(borough, walks, children)
    return Story(
        spare_reception=truth["reception_places"] - truth["reception_wanted"],
        spare_share=1 - truth["pupils_wanted"].sum() / truth["places"].sum(),
        **_nearest(borough, walks, children),
        options=options,
        best_pair=best_pair,
    )


def broken_promises(borough: Borough) -> list[str]:
    """What the story needs and `borough` does not show; empty when it can be told."""
    story = read(borough)
    options = story.options
    broken = []
    if len(story.short) != 1 or (story.spare_reception.drop(story.short) < 0).any():
        broken.append(f"{len(story.short)} planning areas run short, where one should")
    if story.spare_share < SPARE:
        broken.append(f"only {story.spare_share:.1%} of all places are spare")
    if options.loc[story.looks_best, "flood_zone"] != 3:
        broken.append("the site that looks best does not flood")
    if story.nearest == story.fairest:
        broken.append("the option that shortens walks most helps the deprived most as well")
    if story.other_nearest < OTHER_NEAREST:
        broken.append(f"another school is nearest by road for only {story.other_nearest:.1f} % of children")
    if story.over_the_river < OVER_THE_RIVER:
        broken.append(f"the nearest school lies over the river for only {story.over_the_river:.1f} % of children")
    if story.nearest in story.best_pair:
        broken.append("two projects chosen one by one are the best two")
    if not borough.free_school_meals["eligible"].isna().any():
        broken.append("no count of free school meals is small enough to be suppressed")
    best = options.loc[options["allowed"], ["saves_m", "deprived_save_m", "places"]].rank(method="max", ascending=False)
    best["cost"] = options["cost_million"].rank(method="max")
    if (best <= 1).all(axis="columns").any():
        broken.append("one option is best on everything")
    return broken


def _nearest(borough: Borough, walks: pd.DataFrame, children: np.ndarray) -> dict[str, float]:
    """`other_nearest` and `over_the_river` of a Story."""
    areas, schools = borough.areas, borough.schools
    from_, to = (table[["easting", "northing"]].to_numpy() for table in (areas, schools))
    by_line = np.linalg.norm(from_[:, None] - to, axis=2).argmin(axis=1)
    by_road = walks[schools["node_id"]].to_numpy().argmin(axis=1)
    river = borough.water.set_index("kind").geometry["river"]
    over = shapely.intersects(shapely.linestrings(np.stack([from_, to[by_line]], axis=1)), river)
    return {
        "other_nearest": 100 * children[by_road != by_line].sum() / children.sum(),
        "over_the_river": 100 * children[over].sum() / children.sum(),
    }


def _options(borough: Borough, walks: pd.DataFrame, children: np.ndarray) -> tuple[pd.DataFrame, tuple[str, str]]:
    sites = borough.sites
    decile = borough.deprivation.set_index("area_id")["decile"].reindex(borough.areas["area_id"]).to_numpy()
    deprived = np.where(decile <= DEPRIVED, children, 0)
    now = walks[borough.schools["node_id"]].to_numpy().min(axis=1)
    with_site = np.minimum(now[:, None], walks[sites["node_id"]].to_numpy())
    capacity = borough.schools.set_index("school_id")["capacity"].reindex(sites["school_id"]).fillna(0).to_numpy()
    allowed = (
        (sites["flood_zone"] < 3)
        & (sites["contamination"] != FOUND)
        & (sites["hectares"] >= site_rule_ha(sites["places"] + capacity) - 0.005)
    )
    options = pd.DataFrame(
        {
            "saves_m": ((now[:, None] - with_site) * children[:, None]).sum(axis=0) / children.sum(),
            "deprived_save_m": ((now[:, None] - with_site) * deprived[:, None]).sum(axis=0) / max(deprived.sum(), 1),
            "cost_million": sites["cost_million"].to_numpy(),
            "places": sites["places"].to_numpy(),
            "flood_zone": sites["flood_zone"].to_numpy(),
            "allowed": allowed.to_numpy(),
        },
        index=pd.Index(sites["site_id"], name="site_id"),
    )
    pairs = combinations(np.flatnonzero(allowed), 2)
    least = {pair: (with_site[:, list(pair)].min(axis=1) * children).sum() for pair in pairs}
    best = min(least, key=least.get)
    return options, tuple(sites["site_id"].iloc[list(best)])
