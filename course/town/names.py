"""Names of places, schools, streets, new estates and plots of land, put together from parts.

No name is taken from a register. The parts are those of English place names (a stream, a tree or a trade, then a
clearing, a farm or a hill) and of the ways in which schools are named in life: after a road, a ward, a saint. Put
together they can meet a real hamlet by chance; what would be a town is in `REAL`, and is never given.

Every function takes the borough first (one of `tables.BOROUGHS`; any other is a ValueError) and draws from that borough's
parts: each list below is shared out between the boroughs entry by entry, so that no place, road, saint, estate, plot or
planning area is in both, whatever the seeds. Shared is only what every town has: the kinds of road and of estate, and
what comes after a school's name.

All functions draw from the generator that they are given and nothing else: same generator, same names. All names in one
answer differ. All letters are in latin-1; `schools` gives one school a letter that is not in ASCII.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from course.town.tables import BOROUGHS

# In each list the first entry is Wexmoor's, the second Eastmere's, and so on in turn.
STARTS = (
    *("Amber", "Birch", "Bower", "Brack", "Bram", "Brend", "Brind", "Burnet", "Cald", "Clay", "Corn", "Crake", "Cran"),
    *("Dray", "Elder", "Fennel", "Fern", "Flax", "Gannet", "Garl", "Gorse", "Harn", "Hask", "Hazel", "Heron", "Holm"),
    *("Kell", "Kest", "Lark", "Ling", "Linnet", "Madder", "Mallow", "Marl", "Medlar", "Moss", "Oster", "Otter", "Pell"),
    *("Pend", "Plover", "Quern", "Reed", "Rush", "Salt", "Sedge", "Skell", "Sorb", "Sorrel", "Stend", "Swan", "Tarn"),
    *("Teasel", "Thrim", "Vetch", "Wend", "Whin", "Wrack", "Wren", "Yarrow"),
)
ENDS = (*("ley", "wick", "combe", "thorpe", "stow", "by", "worth", "field", "cote", "mere", "hurst", "holt", "den", "well"),)
QUALIFIERS = ("Nether", "Upper", "Great", "Little", "Long", "Cold", "Abbots", "Monks", "Lower", "Priors")
LANDMARKS = (
    *("Hollow", "Marsh", "Barrow", "Cross", "Warren", "Heath", "Copse", "Orchard", "Meadow", "Acre", "Garth", "Furlong"),
    *("Dell", "Beck"),
)
ALONE = (
    *("Coldharbour", "Fiveways", "The Levels", "Windmill Bank", "Tollbar", "Staithe End", "Maypole", "Chantry Fields"),
    *("Mill Drove", "Lantern Edge"),
)
# Parts that put together give a town, a well-known village, a river or a word.
REAL = frozenset(
    {
        *("Amberley", "Birchfield", "Birchwell", "Brackley", "Brackwell", "Bramcote", "Bramfield", "Bramley"),
        *("Bramwell", "Brindley", "Caldwell", "Clayworth", "Cornfield", "Cornwell", "Cranfield", "Cranley"),
        *("Cranmere", "Cranwell", "Cranworth", "Draycote", "Fernhurst", "Flaxby", "Flaxley", "Hazelmere"),
        *("Hazelwell", "Larkfield", "Lingfield", "Lingwell", "Mossley", "Osterley", "Quernwell", "Rushden"),
        *("Rushmere", "Rushwick", "Rushworth", "Saltby", "Saltley", "Saltwell", "Saltwick", "Sedgefield", "Sedgeley"),
        *("Sedgewick", "Swanley", "Swanmere", "Swanwick", "Wendley", "Great Barrow"),
        *("Claythorpe", "Elderley", "Holmfield", "Otterden", "Pendley", "Reedley", "Thrimby", "Wrenthorpe"),
        "Quenock",
    }
)

# Planning areas say where in the town they are. Those that do not can be anywhere.
PLANNING_AREAS = {
    "anywhere": (
        *("Kingsgate", "Priory Park", "Fairfield", "Parkside", "Millfields", "Stonebridge", "Abbeyfields", "Castle Hill"),
        *("Highfields", "Manor Park", "Queensway", "Greenways", "Five Oaks", "Friarsgate", "Broadmead", "Chestnuts"),
    ),
    "centre": ("Old Town", "Town Centre", "Market Quarter", "Guildhall"),
    "docks": ("Harbourside", "The Quays", "Docklands", "Wharfside", "Old Harbour", "Dockside"),
    "coast": ("Seafront", "Shoreline", "The Sands", "Lighthouse", "The Dunes", "Esplanade", "Coastguard", "Beachfields"),
    "river": ("Riverside", "Water Meadows", "Bridge End", "The Locks", "Millstream", "Weirside"),
    "inland": ("Downs", "Vale", "Woodlands", "Heathlands", "Orchards", "Hill Villages", "Commons", "Parklands"),
    "north": ("North Vale", "North End", "North Heath", "Northside", "Northlands", "North Common"),
    "south": ("South Meadows", "South Green", "South Lawns", "South Croft", "South Mead", "South Drove"),
    "east": ("Eastfields", "East Gardens", "East Fen", "East Acres", "East Moor", "Eastholme"),
    "west": ("West Wood", "West Lea", "West Copse", "Westlands", "West Grange", "West Mill"),
}
RIVERS = (("Sall", "Birl", "Corr", "Tarr", "Thurl", "Quen", "Lorr", "Wenn"), ("ow", "en", "ock", "et"))

ROADS = (
    *("Almshouse", "Anchor", "Baker", "Barley", "Basket", "Beacon", "Bell", "Blacksmith", "Boatman", "Bobbin", "Bramble"),
    *("Brickfield", "Buttermilk", "Candle", "Carter", "Causeway", "Chalkpit", "Chandler", "Cobbler", "Compass"),
    *("Cooperage", "Cordwainer", "Cygnet", "Dovecote", "Drover", "Falconer", "Farrier", "Ferryman", "Fletcher", "Flint"),
    *("Furnace", "Glover", "Granary", "Gravel", "Harvest", "Hawthorn", "Haywain", "Hedgerow", "Honeysuckle", "Hopfield"),
    *("Hurdle", "Ironmonger", "Jubilee", "Kilnfield", "Kingfisher", "Lamplighter", "Larch", "Limekiln", "Linton", "Loom"),
    *("Maltings", "Mariner", "Mason", "Mercer", "Miller", "Millrace", "Mulberry", "Netmaker", "Osier", "Ostler", "Oyster"),
    *("Packhorse", "Paddock", "Parchment", "Pepper", "Pilot", "Pinfold", "Poplar", "Potter", "Quarryman", "Reedbed"),
    *("Ropewalk", "Rowan", "Saddler", "Sailmaker", "Saltpan", "Sawmill", "Sexton", "Shepherd", "Skylark", "Slipway"),
    *("Smithy", "Spindle", "Spinney", "Stile", "Sycamore", "Tanner", "Thatcher", "Tinker", "Tollgate", "Turnpike"),
    *("Verger", "Vinery", "Wainwright", "Weaver", "Wharfinger", "Wheatsheaf", "Whitethorn", "Willow", "Windlass"),
    *("Woolpack",),
)
KINDS_OF_ROAD = {"Road": 0.5, "Lane": 0.24, "Street": 0.14, "Avenue": 0.12}
# A town names a road after a novelist or an airman, and a Catholic school after a saint of France or of Ireland.
FOREIGN = ("Brontë Road", "Blériot Road", "St Thérèse's", "St Ciarán's", "Brontë Avenue", "Blériot Avenue")
SAINTS = {
    "Church of England": (
        *("Aldhelm", "Aldric", "Alkmund", "Andrew", "Bega", "Botolph", "Cedd", "Chad", "Clement", "Cuthman", "Ebba"),
        *("Edith", "Ethelburga", "Felix", "Giles", "Guthlac", "Hilda", "Hybald", "Ivo", "James", "John", "Luke", "Mark"),
        *("Martin", "Mary", "Matthew", "Michael", "Mildred", "Nicholas", "Oswald", "Oswin", "Osyth", "Paul", "Peter"),
        *("Petroc", "Rumon", "Stephen", "Swithun", "Thomas", "Tova", "Werburgh", "Wilfrid", "Winifred", "Wulfric"),
    ),
    "Catholic": (
        *("Agatha", "Aidan", "Ambrose", "Anne", "Anselm", "Anthony", "Benedict", "Bernadette", "Blaise", "Brendan"),
        *("Bridget", "Catherine", "Cecilia", "Clare", "Columba", "Dominic", "Edmund", "Elmo", "Fiacre", "Finbar"),
        *("Francis", "Gerard", "Gregory", "Helen", "Jerome", "Joseph", "Kevin", "Lucy", "Margaret", "Monica"),
        *("Patrick", "Philomena", "Robert", "Ursula", "Vincent", "Zita"),
    ),
}
LAST_WORDS = {
    "community": "Primary School",
    "academy": "Primary Academy",
    "Church of England": "CE Primary School",
    "Catholic": "Catholic Primary School",
}

ESTATES = ("Green", "Gardens", "Park", "Fields", "Rise", "Maltings", "Meadow", "Yard", "Mill", "Place")


class Plot(NamedTuple):
    """What stands or stood on a plot of land, and the least and the most hectares that such a plot has."""

    name: str
    least: float
    most: float


# By owner. A private owner's and a diocese's can lie at the edge of the town; a harbour company's cannot.
PLOTS = {
    "council": (
        *(Plot("Former bus depot", 0.6, 2.0), Plot("Former highways yard", 0.6, 1.9)),
        *(Plot("Playing field", 1.3, 4.2), Plot("Old recreation ground", 1.2, 4.2)),
        *(Plot("Former lorry park", 0.6, 2.1), Plot("Former council nursery", 0.6, 2.2)),
        *(Plot("Former showground", 1.8, 4.2), Plot("Former upper school field", 1.6, 4.2)),
        *(Plot("Old cattle market", 0.8, 2.6), Plot("Former allotments", 0.7, 2.8)),
        *(Plot("Former college grounds", 1.5, 4.2), Plot("Old pitch-and-putt course", 1.4, 4.2)),
    ),
    "National Health Service": (
        *(Plot("Former cottage hospital", 0.8, 2.4), Plot("Old nurses' home and grounds", 0.6, 1.6)),
        *(Plot("Former isolation hospital", 1.4, 4.2), Plot("Former chest hospital", 1.3, 4.2)),
        *(Plot("Former hospital laundry and yard", 0.6, 1.5), Plot("Former maternity hospital", 0.7, 2.2)),
        *(Plot("Former convalescent home", 0.9, 2.9), Plot("Old infirmary grounds", 1.5, 4.2)),
        *(Plot("Former hospital farm", 1.8, 4.2), Plot("Former day hospital", 0.6, 1.8)),
        *(Plot("Old fever hospital", 0.6, 2.0), Plot("Old sanatorium", 1.6, 4.2)),
    ),
    "harbour company": (
        *(Plot("Timber dock", 1.3, 4.2), Plot("Former fish market", 0.6, 1.7)),
        *(Plot("Old boatyard", 0.6, 1.9), Plot("Container yard", 1.4, 4.2)),
        *(Plot("Net stores and yard", 0.6, 1.5), Plot("Old dry dock", 0.6, 1.9)),
        *(Plot("Former ferry terminal", 1.4, 4.2), Plot("Former coal quay", 1.0, 4.2)),
        *(Plot("Cargo sheds", 1.0, 3.2), Plot("Grain wharf", 0.8, 2.6)),
        *(Plot("Former herring dock", 1.8, 4.2), Plot("Former cattle quay", 1.5, 4.2)),
    ),
    "developer": (
        *(Plot("Cleared brickworks", 1.2, 4.2), Plot("Former cannery", 0.7, 2.4)),
        *(Plot("Former printing works", 0.6, 1.9), Plot("Cleared laundry works", 0.6, 1.5)),
        *(Plot("Former biscuit works", 0.9, 3.0), Plot("Cleared glasshouses", 1.0, 4.2)),
        *(Plot("Land kept for a school", 0.8, 4.2), Plot("School plot of the new estate", 0.8, 4.2)),
        *(Plot("Cleared tileworks", 1.3, 4.2), Plot("Former foundry", 0.8, 3.0)),
        *(Plot("Old sweet factory", 0.6, 1.7), Plot("Cleared aerodrome sheds", 1.4, 4.2)),
    ),
    "diocese": (
        *(Plot("Glebe field", 0.8, 4.2), Plot("Rectory meadow", 0.8, 4.2)),
        *(Plot("Former vicarage and grounds", 0.6, 1.5), Plot("Old deanery and gardens", 0.6, 1.6)),
        *(Plot("Former convent and gardens", 0.8, 2.6), Plot("Former retreat house", 0.8, 2.8)),
        *(Plot("Former theological college", 1.4, 4.2), Plot("Former seminary", 1.5, 4.2)),
        *(Plot("Old almshouse gardens", 0.6, 1.6), Plot("Chapel field", 0.6, 2.2)),
        *(Plot("Church farm field", 1.5, 4.2), Plot("Tithe barn field", 1.3, 4.2)),
    ),
    "private owner": (
        *(Plot("Former garden nursery", 0.7, 2.6), Plot("Former garden centre", 0.8, 2.8)),
        *(Plot("Paddocks", 0.8, 4.2), Plot("Grazing land", 0.8, 4.2)),
        *(Plot("Old dairy and yard", 0.6, 1.6), Plot("Old farmyard", 0.6, 1.7)),
        *(Plot("Former riding school", 0.9, 3.2), Plot("Former sports club ground", 1.2, 4.2)),
        *(Plot("Walled garden and orchard", 0.6, 1.8), Plot("Former kennels and field", 0.6, 2.2)),
        *(Plot("Former golf practice ground", 1.5, 4.2), Plot("Market garden", 1.2, 4.2)),
    ),
}


def places(borough: str, rng: np.random.Generator, count: int) -> list[str]:
    """`count` names of wards and villages, such as "Whinstow", "Nether Hollow" and "Coldharbour", in no order.

    Three quarters are one word put together. Of these as few as can be begin alike, and of the others as few as can be
    end alike. Raises ValueError when there are not so many; over 200 can be made.
    """
    told_apart = _ended_unlike(borough, rng)
    joined = _begun_unlike(borough, rng)
    some = max(min(round(count / 4), len(told_apart)), count - len(joined))
    if some > len(told_apart):
        raise ValueError(f"{count} names were asked for, and {len(told_apart) + len(joined)} can be made.")
    return _mixed(rng, [*told_apart[:some], *joined[: count - some]])


def planning_areas(borough: str, rng: np.random.Generator, where: Sequence[str]) -> list[str]:
    """Names of planning areas, such as "Harbourside", in the order of `where`.

    `where` says for each what its name may tell: one of the keys of PLANNING_AREAS ("centre", "docks", "coast",
    "north", ...; anything else is a KeyError). When the names of a kind are used up, a name follows that fits anywhere.
    Raises ValueError when these are used up too, which cannot be with up to eight areas.
    """
    free = {kind: iter(_mixed(rng, _of(borough, names))) for kind, names in PLANNING_AREAS.items()}
    names = [next(free[kind], None) or next(free["anywhere"], None) for kind in where]
    if None in names:
        raise ValueError(f"There are not {len(names)} names of planning areas for {', '.join(where)}.")
    return names


def river(borough: str, rng: np.random.Generator) -> str:
    """The name of a river, such as "River Sallow"."""
    firsts, lasts = RIVERS
    return "River " + str(rng.choice(_joined(_of(borough, firsts), lasts)))


def schools(borough: str, rng: np.random.Generator, wards: Sequence[str], types: Sequence[str]) -> list[str]:
    """A name for each school, given the name of its ward and its type ("community", "academy", ...).

    Church schools are named after a saint, or where the saints are used up after the ward; others after a road (half of
    them), or after the ward unless another school has that name. No two have the same name or differ in the last words
    only. Exactly one has a letter that is in latin-1 and not in ASCII: a Catholic school by its saint, or a community
    school or academy by its road (a church school by a road only if there are no others).
    """
    saints = {kind: iter(_mixed(rng, _of(borough, names))) for kind, names in SAINTS.items()}
    roads = _roads(borough, rng, set(wards))
    foreign, foreign_stem = _foreign(borough, rng, types) if types else (None, "")
    after_a_road = rng.random(len(types)) < 0.5
    stems: list[str] = []
    for i, (ward, kind) in enumerate(zip(wards, types, strict=True)):
        if i == foreign:
            stem = foreign_stem
        elif kind in saints and (saint := next(saints[kind], None)):
            stem = f"St {saint}'s"
        elif ward in stems or (after_a_road[i] and kind not in SAINTS):
            stem = next(road for road in roads if road not in stems)
        else:
            stem = ward
        stems.append(stem)
    return [f"{stem} {LAST_WORDS[kind]}" for stem, kind in zip(stems, types, strict=True)]


def closed_schools(
    borough: str, rng: np.random.Generator, wards: Sequence[str], taken: Iterable[str], count: int = 4
) -> list[str]:
    """Names of `count` schools that have closed, none of them one of `taken` (names of schools that are open)."""
    open_stems = [_stem(name) for name in taken]
    roads = (road for road in _roads(borough, rng, set(wards)) if road not in open_stems)
    free_wards = iter(_mixed(rng, sorted(set(wards) - set(open_stems))))
    of_old = _of(borough, SAINTS["Church of England"])
    saints = iter(_mixed(rng, [saint for saint in of_old if f"St {saint}'s" not in open_stems]))
    names = []
    for i in range(count):
        saint, ward = (next(saints, None), None) if i % 3 == 1 else (None, next(free_wards, None) if i % 3 == 2 else None)
        names.append(f"St {saint}'s CE Primary School" if saint else f"{ward or next(roads)} Primary School")
    return names


def housing(borough: str, rng: np.random.Generator, count: int) -> list[str]:
    """`count` names of new estates: "Ropewalk Gardens", "Land off Tanner Lane", "Brickfield Lane phase 2"."""
    roads = _roads(borough, rng, set())
    firsts, kinds = _mixed(rng, _of(borough, ROADS)), _mixed(rng, ESTATES)
    names = []
    for i in range(count):
        form, first = rng.random(), firsts[i % len(firsts)]
        if i >= len(firsts) or form < 0.25:
            names.append(f"Land off {next(roads)}")
        elif form < 0.45:
            names.append(f"{next(roads)} phase {rng.integers(2, 4)}")
        else:
            kind = next(k for k in (kinds[i % len(kinds)], "Gardens") if not first.endswith((k, k.lower())))
            names.append(f"{first} {kind}")
    return names


def sites(borough: str, rng: np.random.Generator, owners: Sequence[str], hectares: Sequence[float]) -> list[str]:
    """A name for each plot of land, given its owner (a key of PLOTS) and its size: "Former bus depot, Tanner Lane".

    What it is called fits both, and is there once in a borough. Where nothing is left that fits it is "Land off Tanner
    Lane".
    """
    free = {owner: _mixed(rng, _of(borough, plots)) for owner, plots in PLOTS.items()}
    roads = _roads(borough, rng, set())
    names = []
    for owner, size in zip(owners, hectares, strict=True):
        plot = next((plot for plot in free[owner] if plot.least <= size <= plot.most), None)
        if plot:
            free[owner].remove(plot)
        names.append(f"{plot.name}, {next(roads)}" if plot else f"Land off {next(roads)}")
    return names


def _of(borough: str, parts: Sequence[Any]) -> list[Any]:
    """The borough's own of these parts."""
    if borough not in BOROUGHS:
        raise ValueError(f"{borough!r} is none of the boroughs: {', '.join(BOROUGHS)}.")
    return list(parts[BOROUGHS.index(borough) :: len(BOROUGHS)])


def _foreign(borough: str, rng: np.random.Generator, types: Sequence[str]) -> tuple[int, str]:
    """Number of the one school whose name has a letter outside ASCII, and what it is named after."""
    catholic = [i for i, kind in enumerate(types) if kind == "Catholic"]
    plain = [i for i, kind in enumerate(types) if kind not in SAINTS]
    fitting = {stem: catholic if stem.startswith("St ") else plain for stem in _of(borough, FOREIGN)}
    stem = str(rng.choice([stem for stem, numbers in fitting.items() if numbers] or _of(borough, FOREIGN)[:1]))
    return int(rng.choice(fitting[stem] or range(len(types)))), stem


def _roads(borough: str, rng: np.random.Generator, not_after: set[str]) -> Iterator[str]:
    """Roads: first each with a name of its own ("Tanner Lane", "Whinstow Road"), then the same names of other kinds.

    None is named after a place in `not_after`. Ends after more than two hundred.
    """
    own = _of(borough, ROADS)
    villages = [name for name in _begun_unlike(borough, rng) if name not in not_after]
    firsts = _mixed(rng, [*own, *villages[: len(own) // 2]])
    kinds = list(KINDS_OF_ROAD)
    first_kind = rng.choice(len(kinds), len(firsts), p=list(KINDS_OF_ROAD.values()))
    for turn in range(len(kinds)):
        for first, kind in zip(firsts, first_kind, strict=True):
            yield f"{first} {kinds[(kind + turn) % len(kinds)]}"


def _stem(school: str) -> str:
    """What a school's name says before its last words: "Tanner Lane" of "Tanner Lane Primary Academy"."""
    longest_first = sorted(LAST_WORDS.values(), key=len, reverse=True)
    last = next((f" {words}" for words in longest_first if school.endswith(f" {words}")), "")
    return school.removesuffix(last)


def _joined(starts: Iterable[str], ends: Iterable[str], between: str = "") -> list[str]:
    """Every start with every end, but for real names and those in which two words would run into one letter."""
    pairs = [(start, end) for start in starts for end in ends if start[-1] != end[0]]
    return [name for start, end in pairs if (name := f"{start}{between}{end}") not in REAL]


def _begun_unlike(borough: str, rng: np.random.Generator) -> list[str]:
    """All the borough's place names of one word, mixed so that one of each start comes before the second of any."""
    ends = _of(borough, ENDS)
    by_start = [_mixed(rng, _joined([start], ends)) for start in _mixed(rng, _of(borough, STARTS))]
    return [names[turn] for turn in range(len(ends)) for names in by_start if turn < len(names)]


def _ended_unlike(borough: str, rng: np.random.Generator) -> list[str]:
    """All the borough's other place names, mixed so that one of each landmark comes before the second of any."""
    qualifiers, landmarks = _mixed(rng, _of(borough, QUALIFIERS)), _mixed(rng, _of(borough, LANDMARKS))
    turns = [
        _joined([qualifiers[(turn + at) % len(qualifiers)]], [landmark], " ")
        for turn in range(len(qualifiers))
        for at, landmark in enumerate(landmarks)
    ]
    first, later = turns[: len(landmarks)], turns[len(landmarks) :]
    return [*_mixed(rng, [*_of(borough, ALONE), *chain(*first)]), *chain(*later)]


def _mixed(rng: np.random.Generator, parts: Sequence[Any]) -> list[Any]:
    return [parts[i] for i in rng.permutation(len(parts))]
