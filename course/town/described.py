"""What each table of the town is, and what its columns mean: what the descriptor, the README and the dictionary say.

The rows come from `course.town.borough`; this module only describes them. A text about a column says what a reader
needs in order to use it, and what of it is not real.
"""

from collections.abc import Callable
from dataclasses import replace

import pandas as pd

from course.town.sites import OWNERS
from course.town.tables import BOOLEAN, DATE, GEOJSON, INTEGER, NUMBER, STRING, Extract, Field, Reference, Table

LAND, PEOPLE, SCHOOLS, PLANS = "The land", "The people", "The schools", "What is planned"
WORKED_OUT = "Worked out from these"

ALWAYS = {"required": True}
ONCE = {"required": True, "unique": True}
NOT_NEGATIVE = {"required": True, "minimum": 0}
METRES_EAST, METRES_NORTH = "metres east of the grid's origin", "metres north of the grid's origin"
SCHOOL_YEAR_UNIT = "calendar year in which the school year starts"
SHAPE_UNIT = "degrees of longitude and latitude (WGS84)"


def _frame(attribute: str) -> Callable[[str, int], pd.DataFrame]:
    """How to get the frame of that name of a borough."""

    def rows(borough: str, seed: int) -> pd.DataFrame:
        from course.town.borough import draw  # only when rows are wanted: a description needs no borough

        return getattr(draw(borough, seed), attribute)

    return rows


def _planned(name: str) -> Callable[[str, int], pd.DataFrame]:
    """How to get what the planners work out, by the name of the function that does."""

    def rows(borough: str, seed: int) -> pd.DataFrame:
        from course.town import planning
        from course.town.borough import draw

        return getattr(planning, name)(draw(borough, seed))

    return rows


def _code(name: str, digits: str, title: str, description: str) -> Field:
    """A column of codes: the borough's two letters, then `digits` (a pattern)."""
    return Field(name, STRING, title, description, constraints={"required": True, "pattern": f"(WX|EM){digits}"})


def _key(field: Field) -> Field:
    """`field` where each of its values stands in one row only."""
    return replace(field, constraints=field.constraints | {"unique": True})


def _about(field: Field, description: str) -> Field:
    """`field` with what it means in another table."""
    return replace(field, description=description)


AREA = _code("area_id", "A[0-9]{3}", "Small area", "Code of the small area; its name and place are in areas.")
WARD = _code("ward_id", "W[0-9]{2}", "Ward", "Code of the ward, which elects councillors; its name is in wards.")
PLANNING_AREA = _code(
    "planning_area_id",
    "P[1-8]",
    "Planning area",
    "Code of the planning area, within which the council counts school places; its name is in planning-areas.",
)
SCHOOL = _code(
    "school_id",
    "[0-9]{4}",
    "School",
    "The borough's two letters and the council's four-digit number of it. Zeros in front belong to it: 31 is not 0031.",
)
NODE = Field(
    "node_id",
    INTEGER,
    "Nearest road node",
    "Where to enter the road network from here; see road-nodes.",
    constraints=NOT_NEGATIVE,
)
YEAR = Field(
    "school_year",
    INTEGER,
    "School year",
    "2025 is the school year 2025/26. Pupils are counted in its January.",
    SCHOOL_YEAR_UNIT,
    {"required": True, "minimum": 2016, "maximum": 2025},
)
HECTARES = Field("hectares", NUMBER, "Area", "Land inside the boundary.", "hectares", NOT_NEGATIVE)
BOUNDARY = Field("geometry", GEOJSON, "Boundary", "Polygon, or several.", SHAPE_UNIT, ALWAYS)


def _grid(east: str, north: str) -> tuple[Field, Field]:
    """Where something is, in metres: what the two columns say of it."""
    return (
        Field("easting", INTEGER, "Easting", east, METRES_EAST, {"required": True, "minimum": 600_000, "maximum": 640_000}),
        Field(
            "northing", INTEGER, "Northing", north, METRES_NORTH, {"required": True, "minimum": 400_000, "maximum": 430_000}
        ),
    )


def _degrees(what: str) -> tuple[Field, Field]:
    """The same place in longitude and latitude."""
    return (
        Field(
            "longitude",
            NUMBER,
            "Longitude",
            f"{what}, for web maps. Measure distances with easting and northing instead.",
            "degrees east (WGS84)",
            {"required": True, "minimum": 1, "maximum": 2},
        ),
        Field(
            "latitude",
            NUMBER,
            "Latitude",
            f"{what}. A degree of latitude is much longer here than one of longitude.",
            "degrees north (WGS84)",
            {"required": True, "minimum": 53, "maximum": 54},
        ),
    )


def _in(*columns: str) -> tuple[Reference, ...]:
    """The foreign keys that stand in `columns`."""
    tables = {
        "area_id": "areas",
        "ward_id": "wards",
        "planning_area_id": "planning-areas",
        "school_id": "schools",
        "node_id": "road-nodes",
    }
    return tuple(Reference(column, tables[column], column) for column in columns)


def _boundaries(of: str, frame: str, singular: str, code: Field, story: str) -> Table:
    return Table(
        name=f"{of}-map",
        file=f"{of}.geojson",
        title=f"Boundaries of the {of.replace('-', ' ')}",
        description=f"The outline of each {singular}, to draw a map with or to find out what lies inside.",
        story=story,
        subject=LAND,
        fields=(
            _about(_key(code), f"Joins a {singular} on the map to its row in {of}."),
            Field("name", STRING, "Name", f"To label the {singular} with.", constraints=ALWAYS),
            *_grid(
                "Where its people live on average: a good place for a label.", "See easting. Not the middle of the land."
            ),
            HECTARES,
            BOUNDARY,
        ),
        key=(code.name,),
        make=_frame(frame),
        references=_in(code.name),
    )


LAND_TABLES = (
    Table(
        name="areas",
        title="Small areas",
        description="166 neighbourhoods of some 1,700 people each: the smallest places that anything is counted for.",
        story=(
            "Connected streets on one side of the river, put together until they have the people that a small area "
            "should have: little land where people live densely, much at the borough's edge."
        ),
        subject=LAND,
        fields=(
            _about(_key(AREA), "Two letters for the borough, A, and three digits. Every other table uses this code."),
            Field("name", STRING, "Name", "The ward's name and a number.", constraints=ONCE),
            WARD,
            PLANNING_AREA,
            *_grid(
                "Where its people live on average, moved to the nearest road node: not the middle of its land.",
                "See easting. Good for distances to schools, which people walk from home.",
            ),
            *_degrees("The same point"),
            _about(NODE, "The road node that this point was moved to; walking distances start there."),
            _about(HECTARES, "Land inside the boundary, to work out how densely people live."),
        ),
        key=("area_id",),
        make=_frame("areas"),
        references=_in("ward_id", "planning_area_id", "node_id"),
    ),
    Table(
        name="wards",
        title="Wards",
        description="34 wards, each of a few small areas: councillors ask about these.",
        story="Neighbouring small areas put together. The names are built from parts of English place names.",
        subject=LAND,
        fields=(
            _about(_key(WARD), "Two letters for the borough, W, and two digits."),
            Field("name", STRING, "Name", "What people call it. Built from parts; no register was used.", constraints=ONCE),
            PLANNING_AREA,
        ),
        key=("ward_id",),
        make=_frame("wards"),
        references=_in("planning_area_id"),
    ),
    Table(
        name="planning-areas",
        title="School planning areas",
        description="8 groups of wards within which the council forecasts pupils and counts places.",
        story="Neighbouring wards on one side of the river, put together.",
        subject=LAND,
        fields=(
            _about(_key(PLANNING_AREA), "Two letters for the borough, P, and one digit."),
            Field("name", STRING, "Name", "After where in the borough it lies, or its largest part.", constraints=ONCE),
        ),
        key=("planning_area_id",),
        make=_frame("planning_areas"),
    ),
    _boundaries(
        "areas",
        "area_boundaries",
        "small area",
        AREA,
        "The borough's land divided so that every point belongs to one area, and neighbours share their border exactly.",
    ),
    _boundaries("wards", "ward_boundaries", "ward", WARD, "The outlines of its small areas, dissolved."),
    _boundaries(
        "planning-areas", "planning_area_boundaries", "planning area", PLANNING_AREA, "The outlines of its wards, dissolved."
    ),
    Table(
        name="water",
        file="water.geojson",
        title="Coast and river",
        description="The coastline and the river, which can be crossed at bridges only.",
        story=(
            "A wavy coast and a winding river, drawn at random. The borough lies where on a real map there is open sea, "
            "so that no real place is hit."
        ),
        subject=LAND,
        fields=(
            Field(
                "kind",
                STRING,
                "Kind of water",
                "What the line is.",
                constraints={"required": True, "enum": ["coastline", "river"]},
            ),
            Field("name", STRING, "Name", "What it is called.", constraints=ALWAYS),
            Field("geometry", GEOJSON, "Course", "A line, or several.", SHAPE_UNIT, ALWAYS),
        ),
        key=(),
        make=_frame("water"),
    ),
    Table(
        name="flood-zones",
        file="flood-zones.geojson",
        title="Flood zones",
        description="Where the river and the sea may flood: zone 3 is likelier than zone 2, the rest of the land is zone 1.",
        story="Bands along river and coast, wider towards the mouth. No flood was modelled.",
        subject=LAND,
        fields=(
            Field(
                "zone",
                INTEGER,
                "Flood zone",
                "2 medium probability, 3 high. Zone 2 leaves out the land that is in zone 3.",
                constraints={"required": True, "enum": [2, 3]},
            ),
            _about(HECTARES, "Land in the zone."),
            _about(BOUNDARY, "Polygons; cut sites with them to see which lie inside."),
        ),
        key=(),
        make=_frame("flood_zones"),
    ),
    Table(
        name="green-belt",
        file="green-belt.geojson",
        title="Green belt",
        description="Land on the borough's edge where building needs a very good reason.",
        story="The open country round the town, with its villages left out. No council has drawn it.",
        subject=LAND,
        fields=(
            Field("name", STRING, "Name", "A number, from the largest piece down.", constraints=ALWAYS),
            _about(HECTARES, "Land that is protected."),
            _about(BOUNDARY, "Polygon, or several, without the land that was built on before."),
        ),
        key=(),
        make=_frame("green_belt"),
    ),
    Table(
        name="road-nodes",
        title="Road network: junctions",
        description="The junctions that streets join, some 2,600 points, and how many people live about each.",
        story=(
            "Dense where people live, wide in the country. Every junction can be reached from every other, over a bridge "
            "if it must be."
        ),
        subject=LAND,
        fields=(
            _about(_key(NODE), "Number of the junction, from 0. Its order means nothing."),
            *_grid("Where the junction is, from the west.", "Where the junction is, from the south."),
            _about(AREA, "The small area that the junction lies in."),
            Field(
                "people",
                INTEGER,
                "People",
                "Of all ages, living nearer to this junction than to another of the area. They add up to population.",
                "people",
                NOT_NEGATIVE,
            ),
        ),
        key=("node_id",),
        make=_frame("road_nodes"),
        references=_in("area_id"),
    ),
    Table(
        name="road-edges",
        title="Road network: stretches of road",
        description="Which junctions are joined, and how far it is. With these you can find the shortest walk to school.",
        story=(
            "Each stretch stands in one row. Nothing but a bridge crosses the river, which is why the "
            "nearest school on the map is not always the nearest on foot."
        ),
        subject=LAND,
        fields=(
            Field("from_node", INTEGER, "One end", "The junction that the stretch begins at.", constraints=NOT_NEGATIVE),
            Field(
                "to_node",
                INTEGER,
                "Other end",
                "The junction that it ends at; you can walk it both ways.",
                constraints=NOT_NEGATIVE,
            ),
            Field(
                "metres",
                INTEGER,
                "Length",
                "Along the road, bends included: never shorter than the straight line.",
                "metres",
                {"required": True, "minimum": 1},
            ),
            Field(
                "kind",
                STRING,
                "Kind of road",
                "A bridge crosses the river. Main roads carry the traffic, and its fumes; so do all bridges.",
                constraints={"required": True, "enum": ["main road", "street", "bridge"]},
            ),
        ),
        key=("from_node", "to_node"),
        make=_frame("road_edges"),
        references=(
            Reference("from_node", "road-nodes", "node_id"),
            Reference("to_node", "road-nodes", "node_id"),
        ),
    ),
)

PEOPLE_TABLES = (
    Table(
        name="population",
        title="People by age",
        description="How many people of each age live in each small area, in the middle of 2025.",
        story=(
            "Children by single year of age, because school places are planned so: those who were born in the area and "
            "stayed, and those who came. Deprived areas have more of them, as they have in England. Adults are in bands, "
            "of which the shares are assumed."
        ),
        subject=PEOPLE,
        fields=(
            AREA,
            Field(
                "age_band",
                STRING,
                "Age band",
                "A single year of age up to 15, then a band: read it as text, not as a number.",
                constraints={
                    "required": True,
                    "enum": [*map(str, range(16)), "16-24", "25-44", "45-64", "65-74", "75+"],
                },
            ),
            Field(
                "age_from",
                INTEGER,
                "Youngest in the band",
                "Sort by this: as text, 10 comes before 2.",
                "years of age",
                {"required": True, "minimum": 0, "maximum": 75},
            ),
            Field(
                "age_to",
                INTEGER,
                "Oldest in the band",
                "The last year of age that counts. Missing for 75+, which has no end.",
                "years of age",
                {"minimum": 0, "maximum": 74},
            ),
            Field("people", INTEGER, "People", "Of that age, who live in the area.", "people", NOT_NEGATIVE),
        ),
        key=("area_id", "age_band"),
        make=_frame("population"),
        references=_in("area_id"),
    ),
    Table(
        name="births",
        title="Births",
        description="Births in each small area in fifteen school-year cohorts: who will ask for a reception place when.",
        story=(
            "Drawn from the area's people and deprivation. They fall over the years, as they did in England, but not "
            "everywhere. In 2017 six old areas were split into two each; their births up to 2016 are known for the old "
            "area only, and are shared out here by the look-up."
        ),
        subject=PEOPLE,
        fields=(
            AREA,
            Field(
                "year_to_august",
                INTEGER,
                "Year to August",
                "2021: born from September 2020 to August 2021, and so in reception in the school year 2025.",
                "calendar year in which the twelve months end",
                {"required": True, "minimum": 2011, "maximum": 2025},
            ),
            Field("births", INTEGER, "Births", "To mothers who lived in the area.", "births", NOT_NEGATIVE),
            Field(
                "basis",
                STRING,
                "Where the number comes from",
                "Counted for this area, or an old area's count shared out between two: an estimate.",
                constraints={"required": True, "enum": ["counted", "shared out"]},
            ),
        ),
        key=("area_id", "year_to_august"),
        make=_frame("births"),
        references=_in("area_id"),
    ),
    Table(
        name="deprivation",
        title="Deprivation",
        description="How deprived each small area is, as a score, a rank in the borough and a tenth of the country.",
        story=(
            "It varies over the borough in quarters, and is highest where people live densely, about the centres and the "
            "old docks. It stands for an index such as England's, and was not worked out from incomes or anything else."
        ),
        subject=PEOPLE,
        fields=(
            _key(AREA),
            Field(
                "score",
                NUMBER,
                "Score",
                "Higher is more deprived. Twice the score is not twice as deprived: it orders areas, no more.",
                "points without a scale",
                NOT_NEGATIVE,
            ),
            Field(
                "rank",
                INTEGER,
                "Rank in the borough",
                "1 is the most deprived of the borough's areas: a high number is a less deprived area.",
                "place in the order",
                {"required": True, "unique": True, "minimum": 1, "maximum": 166},
            ),
            Field(
                "decile",
                INTEGER,
                "National decile",
                "1 is the most deprived tenth of all areas in the country. The borough has more of these than a tenth.",
                "tenth of the country's areas",
                {"required": True, "minimum": 1, "maximum": 10},
            ),
        ),
        key=("area_id",),
        make=_frame("deprivation"),
        references=_in("area_id"),
    ),
)

SCHOOL_TABLES = (
    Table(
        name="schools",
        title="Primary schools",
        description="The 77 state primary schools, all from reception to year 6: where they are and how many they can take.",
        story=(
            "Placed where children live, in sizes that their families ask for. No real school is meant by any name or "
            "number."
        ),
        subject=SCHOOLS,
        fields=(
            _key(SCHOOL),
            Field("name", STRING, "Name", "As the school writes it. Built from parts.", constraints=ONCE),
            Field(
                "type",
                STRING,
                "Who runs it",
                "The council can expand community schools; for others it has to ask their trust or church.",
                constraints={"required": True, "enum": ["community", "academy", "Church of England", "Catholic"]},
            ),
            _about(AREA, "The small area that the school stands in; its pupils come from many."),
            PLANNING_AREA,
            _about(NODE, "The junction at the school's gate, where walks to it end."),
            *_grid("The school's gate, from the west.", "The school's gate, from the south."),
            *_degrees("The school's gate"),
            Field(
                "opened",
                DATE,
                "Opened",
                "The day on which it took its first pupils, under its first name.",
                "date",
                ALWAYS,
            ),
            Field(
                "admission_number",
                INTEGER,
                "Published admission number",
                "Places that it offers in reception each September; 30 is one class.",
                "places a year group",
                {"required": True, "enum": [15, 30, 45, 60, 90]},
            ),
            Field(
                "capacity",
                INTEGER,
                "Capacity",
                "Places in all seven year groups, as the rooms allow: about seven times the admission number.",
                "places",
                {"required": True, "minimum": 1},
            ),
        ),
        key=("school_id",),
        make=_frame("schools"),
        references=_in("area_id", "planning_area_id", "node_id"),
    ),
    Table(
        name="rolls",
        title="Pupils on roll",
        description="Pupils in each year group of each school, over ten years.",
        story=(
            "Parents want a near school, or one that they like better; a full school takes those who live nearest by the "
            "shortest walk, and the others try their next. From year to year a few change school. A school that opened "
            "lately has no row for a year group that it does not have yet: no row is not 0 pupils."
        ),
        subject=SCHOOLS,
        fields=(
            SCHOOL,
            YEAR,
            Field(
                "year_group",
                INTEGER,
                "Year group",
                "0 is reception (age 4 when the year starts), 1 to 6 are years 1 to 6.",
                "years after reception",
                {"required": True, "minimum": 0, "maximum": 6},
            ),
            Field("pupils", INTEGER, "Pupils", "On roll on the day of the January count.", "pupils", NOT_NEGATIVE),
        ),
        key=("school_id", "school_year", "year_group"),
        make=_frame("rolls"),
        references=_in("school_id"),
    ),
    Table(
        name="free-school-meals",
        title="Free school meals",
        description="How many of a school's pupils are eligible for free school meals, over ten years.",
        story=(
            "It follows from how deprived the areas are that the pupils come from, and has risen over the years. Counts "
            "from 1 to 4 are suppressed."
        ),
        subject=SCHOOLS,
        fields=(
            SCHOOL,
            YEAR,
            Field(
                "pupils", INTEGER, "Pupils", "All pupils of the school: the sum of its year groups.", "pupils", NOT_NEGATIVE
            ),
            Field(
                "eligible",
                INTEGER,
                "Eligible pupils",
                "Missing where it is 1 to 4, so that no child can be picked out: missing is not 0.",
                "pupils",
                {"minimum": 0},
            ),
        ),
        key=("school_id", "school_year"),
        make=_frame("free_school_meals"),
        references=_in("school_id"),
    ),
)

PLAN_TABLES = (
    Table(
        name="housing",
        title="Planned homes",
        description="New homes by site and school year, with how certain they are.",
        story=(
            "About as many as a borough of this size builds, a third or more of them about the old docks, where young "
            "families move. How many pupils come with them is in pupil-yields. Sites, names and dates are made up."
        ),
        subject=PLANS,
        fields=(
            _code("housing_id", "H[0-9]{2}", "Housing site", "One site can have several rows, one a school year."),
            Field("name", STRING, "Name", "What the developer calls it. Built from parts.", constraints=ALWAYS),
            _about(AREA, "Where the homes will stand, and the children will live."),
            *_grid("The middle of the site, from the west.", "The middle of the site, from the south."),
            Field(
                "status",
                STRING,
                "How far it is",
                "From certain to hoped for: not all homes of a local plan are built.",
                constraints={"required": True, "enum": ["under construction", "permission granted", "in the local plan"]},
            ),
            Field(
                "school_year",
                INTEGER,
                "School year",
                "The homes are lived in by the start of this school year.",
                SCHOOL_YEAR_UNIT,
                {"required": True, "minimum": 2026, "maximum": 2031},
            ),
            Field("houses", INTEGER, "Houses", "New houses; families with children take most.", "homes", NOT_NEGATIVE),
            Field(
                "flats", INTEGER, "Flats", "New flats; fewer children live in one than in a house.", "homes", NOT_NEGATIVE
            ),
        ),
        key=("housing_id", "school_year"),
        make=_frame("housing"),
        references=_in("area_id"),
    ),
    Table(
        name="pupil-yields",
        title="Pupil yields of new homes",
        description="How many primary pupils the council reckons with for a new house and for a new flat.",
        story=(
            "The house's is a figure that an English county council planned with; the flat's is an assumption. Spread over "
            "seven year groups, 100 houses bring four pupils to each."
        ),
        subject=PLANS,
        fields=(
            Field(
                "home",
                STRING,
                "Kind of home",
                "As in the columns of housing.",
                constraints={"required": True, "unique": True, "enum": ["house", "flat"]},
            ),
            Field(
                "pupils_per_home",
                NUMBER,
                "Pupils per home",
                "Of primary age, in all seven year groups together, once the homes are lived in.",
                "pupils per home",
                NOT_NEGATIVE,
            ),
        ),
        key=("home",),
        make=_frame("pupil_yields"),
    ),
    Table(
        name="sites",
        title="Sites for school places",
        description="Twelve sites for a new school and four schools that could be expanded: the cabinet's options.",
        story=(
            "Made so that none is best on everything, and some are poor on most things. Costs, air and ground are the "
            "course's own assumptions: the order of the sites means something here, the pounds do not."
        ),
        subject=PLANS,
        fields=(
            _key(_code("site_id", "S[0-9]{2}", "Site", "Two letters for the borough, S, and two digits.")),
            Field(
                "kind",
                STRING,
                "New or expansion",
                "Whether a new school would be built or an existing one made larger.",
                constraints={"required": True, "enum": ["new school", "expansion"]},
            ),
            Field("name", STRING, "Name", "What the site is known as. Built from parts.", constraints=ALWAYS),
            Field(
                "school_id",
                STRING,
                "School to expand",
                "The school of an expansion. Missing for a new school.",
                constraints={"pattern": "(WX|EM)[0-9]{4}"},
            ),
            _about(AREA, "The small area that the site lies in."),
            _about(PLANNING_AREA, "Whose places it would add to first."),
            _about(NODE, "Where its gate would be on the road network."),
            *_grid("The plot, from the west; an expansion's school.", "The plot, from the south."),
            *_degrees("The plot"),
            Field(
                "hectares",
                NUMBER,
                "Size of the site",
                "Land that could be built on; a school of more pupils needs more.",
                "hectares",
                NOT_NEGATIVE,
            ),
            Field(
                "places",
                INTEGER,
                "Places it would add",
                "In all seven year groups: 210 is one class a year.",
                "places",
                {"required": True, "enum": [105, 210, 420]},
            ),
            Field(
                "earliest_opening",
                INTEGER,
                "Earliest opening",
                "First school year in which its places could be used, if the cabinet decides now.",
                SCHOOL_YEAR_UNIT,
                {"required": True, "minimum": 2027, "maximum": 2031},
            ),
            Field(
                "cost_million",
                NUMBER,
                "Cost",
                "Land and building together, at today's prices. Assumed.",
                "million pounds",
                NOT_NEGATIVE,
            ),
            Field(
                "owner",
                STRING,
                "Owner",
                "Whom the council would have to buy or lease it from, if not itself.",
                constraints={"required": True, "enum": list(OWNERS)},
            ),
            Field(
                "flood_zone",
                INTEGER,
                "Flood zone",
                "1 low, 2 medium, 3 high probability of flooding; the same as on the map of flood zones.",
                constraints={"required": True, "enum": [1, 2, 3]},
            ),
            Field(
                "no2",
                NUMBER,
                "Nitrogen dioxide",
                "Annual mean in the air. The UK's limit is 40, the World Health Organization's guideline 10.",
                "micrograms per cubic metre",
                NOT_NEGATIVE,
            ),
            Field(
                "contamination",
                STRING,
                "Contaminated ground",
                "What a search of old maps found. Suspected means that nobody has dug yet.",
                constraints={"required": True, "enum": ["none found", "suspected", "found"]},
            ),
            Field(
                "main_road_m",
                INTEGER,
                "Distance to a main road",
                "In a straight line, to the nearest main road or bridge.",
                "metres",
                NOT_NEGATIVE,
            ),
            Field("green_belt", BOOLEAN, "In the green belt", "True where the site lies in it.", constraints=ALWAYS),
        ),
        key=("site_id",),
        make=_frame("sites"),
        references=_in("school_id", "area_id", "planning_area_id", "node_id"),
    ),
)

PLANNERS_TABLES = (
    Table(
        name="forecasts",
        title="Forecasts of pupils, without new homes",
        description="Pupils by planning area and year group: the standard method in 2025, and what it said before.",
        story=(
            "Worked out from births and rolls by the standard method: births four years before times the planning area's "
            "own reception ratio, then each year group to the next by the borough's steps, both means of the three years "
            "before. A forecast made in a year knows nothing of later ones, so those of the past can be held against what "
            "came. New homes are left out."
        ),
        subject=WORKED_OUT,
        fields=(
            Field(
                "made_in",
                INTEGER,
                "Made in",
                "The last school year whose rolls it knows.",
                SCHOOL_YEAR_UNIT,
                {"required": True, "minimum": 2019, "maximum": 2025},
            ),
            PLANNING_AREA,
            Field(
                "school_year",
                INTEGER,
                "School year",
                "The year that is forecast. To 2029 the children of reception are born.",
                SCHOOL_YEAR_UNIT,
                {"required": True, "minimum": 2020, "maximum": 2029},
            ),
            Field(
                "year_group",
                INTEGER,
                "Year group",
                "0 is reception, 1 to 6 are years 1 to 6.",
                "years after reception",
                {"required": True, "minimum": 0, "maximum": 6},
            ),
            Field("pupils", NUMBER, "Pupils", "On roll at schools of the planning area.", "pupils", NOT_NEGATIVE),
        ),
        key=("made_in", "planning_area_id", "school_year", "year_group"),
        make=_planned("forecasts"),
        references=_in("planning_area_id"),
    ),
    Table(
        name="need",
        title="Pupils by where they will live",
        description="Primary pupils that each small area is expected to have: from those who live there and from new homes.",
        story=(
            "Worked out from forecasts, population and housing: a planning area's forecast shared out among its small areas "
            "by the children aged 4 to 10 who live there now, and what every home planned by then yields where it will "
            "stand. Not all planned homes are built."
        ),
        subject=WORKED_OUT,
        fields=(
            AREA,
            Field(
                "school_year",
                INTEGER,
                "School year",
                "The year that is forecast, in 2025.",
                SCHOOL_YEAR_UNIT,
                {"required": True, "minimum": 2026, "maximum": 2029},
            ),
            Field("pupils", NUMBER, "Pupils", "In all seven year groups, without new homes.", "pupils", NOT_NEGATIVE),
            Field("from_homes", NUMBER, "Pupils from new homes", "To be added, if all are built.", "pupils", NOT_NEGATIVE),
        ),
        key=("area_id", "school_year"),
        make=_planned("need"),
        references=_in("area_id"),
    ),
    Table(
        name="walks",
        title="Walks to schools and sites",
        description="The shortest walk along roads from each small area to every school and every site.",
        story="Worked out from the road network, from the area's node to the school's or the site's.",
        subject=WORKED_OUT,
        fields=(
            AREA,
            Field(
                "place_id",
                STRING,
                "School or site",
                "Code of a school, or of a site.",
                constraints={"required": True, "pattern": "(WX|EM)([0-9]{4}|S[0-9]{2})"},
            ),
            Field("metres", INTEGER, "Metres", "Along roads and bridges, one way.", "metres", NOT_NEGATIVE),
        ),
        key=("area_id", "place_id"),
        make=_planned("walks"),
        references=_in("area_id"),
    ),
)

TABLES = (*LAND_TABLES, *PEOPLE_TABLES, *SCHOOL_TABLES, *PLAN_TABLES, *PLANNERS_TABLES)

EXTRACTS = (
    Extract(
        file="schools-extract.csv",
        title="Schools, as the school system exports them",
        description="Every establishment that the system knows: who runs it, where, since when, for how many pupils.",
        story=(
            "The same schools as in schools, as one system really gives them: names written in several ways, dates in two "
            "formats, schools that have closed, a total below the last school, and an encoding that is not UTF-8. School "
            "numbers are the council's own."
        ),
        mediatype="text/csv",
        encoding="iso-8859-1",
    ),
    Extract(
        file="school-roll-return.xlsx",
        title="Roll return, as schools fill it in",
        description="Pupils by school and year group, one sheet a year, with those eligible for free school meals.",
        story=(
            "The same counts as in rolls and free-school-meals, as a form for people: merged headings over several rows, "
            "one column a year group, not in the same order every year, c where 1 to 4 pupils are eligible for free school "
            "meals, z where a school did not have the year group yet."
        ),
        mediatype="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        encoding=None,
    ),
    Extract(
        file="births-extract.csv",
        title="Births, as the health service sends them",
        description="Births by area and year, for old areas in the older years and for today's areas since.",
        story="The same births as in births before the old areas' were shared out. Needs area-lookup.",
        mediatype="text/csv",
        encoding="utf-8",
    ),
    Extract(
        file="area-lookup.csv",
        title="Look-up from old areas to new",
        description="Which old small area became which of today's, and what share of its births each part takes.",
        story="Six old areas became two each in 2017; all others stayed as they were and have the share 1.",
        mediatype="text/csv",
        encoding="utf-8",
    ),
)
