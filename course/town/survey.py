"""The skills survey: 400 staff of a borough rate themselves on twelve skills, and what becomes of their answers.

Every number here is the course's own assumption, chosen so that the lesson's argument can be seen in the data: no
survey of a real council is behind them. Two things are taken from the literature: the three groups of skills (Conway
2010, the data-science Venn diagram), and how weakly people's ratings of themselves go with what they can do (Mabe and
West 1982: a correlation of 0.29, the mean over 55 studies).
"""

from functools import lru_cache

import numpy as np
import pandas as pd

STAFF = 400
LOWEST, HIGHEST = 0, 10
TEACHES = 8  # the answer that reads "I could teach it"
POSTS = 3
ATTEMPTS = 500

# The twelve questions: what a row of the form asks, and how far answers lie from a person's level in the group.
# People rate themselves lower on version control and uncertainty than on automating a spreadsheet.
QUESTIONS = {
    "comp_automation": ("Automating a spreadsheet", 0.7),
    "comp_programming": ("Programming", 0.0),
    "comp_databases": ("Querying databases", 0.1),
    "comp_version_control": ("Version control", -0.8),
    "stat_summaries": ("Averages, spread and rates", 0.8),
    "stat_sampling": ("Sampling and surveys", -0.2),
    "stat_modelling": ("Fitting and checking models", -0.4),
    "stat_uncertainty": ("Stating uncertainty", -0.2),
    "serv_residents": ("What residents need", 0.3),
    "serv_rules": ("The law and rules of the service", 0.2),
    "serv_records": ("How the service's records are made", -0.1),
    "serv_budgets": ("Budgets of the service", -0.6),
}
GROUPS = {"computing": "comp_", "statistics": "stat_", "service": "serv_"}
COLUMNS = {group: [name for name in QUESTIONS if name.startswith(prefix)] for group, prefix in GROUPS.items()}

# What people do all day, and the level (0 to 10) in computing, statistics and the service that goes with it.
ROLES = {
    "front line": (2.2, 1.8, 7.1),
    "administration": (4.2, 2.2, 5.6),
    "management": (3.2, 3.9, 8.5),
    "technician": (4.4, 3.2, 3.6),
    "reporting": (7.0, 3.6, 7.1),
    "research": (3.6, 7.3, 7.0),
    "statistics": (4.0, 7.5, 4.0),
    "development": (8.3, 3.4, 3.0),
    "modelling": (9.0, 8.9, 3.9),
    "all-round": (6.1, 6.2, 6.4),
}
# Who meets residents knows the records and not the budget; who manages knows the budget and not the records.
TILTS = {
    "front line": {"serv_residents": 0.9, "serv_rules": -0.3, "serv_records": 0.5, "serv_budgets": -2.6},
    "administration": {"serv_residents": -0.8, "serv_records": 0.8, "serv_budgets": -0.5},
    "management": {"serv_residents": -1.8, "serv_rules": 0.5, "serv_records": -3.0, "serv_budgets": 1.1},
    "reporting": {"serv_residents": -0.8, "serv_rules": 0.1, "serv_records": 1.0, "serv_budgets": -1.4},
    "research": {"serv_residents": 0.6, "serv_rules": 0.2, "serv_budgets": -1.8},
}
# How many of each hundred of a directorate do what, in the order of ROLES, and the directorate's share of the staff.
SCHOOLS = "Children and learning"
DIRECTORATES = {
    "Children and learning": (0.24, (46, 20, 15, 0, 9, 5, 1, 0, 0, 4)),
    "Adult care": (0.22, (50, 20, 14, 3, 9, 2, 1, 0, 0, 1)),
    "Public health": (0.10, (20, 18, 12, 4, 8, 20, 6, 0, 5, 7)),
    "Planning and housing": (0.16, (26, 24, 14, 13, 16, 3, 0, 0, 1, 3)),
    "Transport and environment": (0.14, (28, 18, 12, 25, 12, 1, 1, 0, 1, 2)),
    "Finance": (0.08, (4, 34, 16, 8, 18, 4, 6, 0, 6, 4)),
    "Digital": (0.06, (0, 12, 8, 12, 6, 0, 0, 36, 26, 0)),
}
LEVEL_SD = 0.7  # of a person's level around the role's
EVEN_SD = 0.4  # the same for those whose whole job is modelling, and for all-rounders, who are even by definition
STYLE_SD = 0.3  # some people tick high, or low, whatever is asked
ANSWER_SD = 0.9  # of one answer around the person's level

# Which form may have its scale turned round: neither the easiest nor the hardest question of a group, so that a low
# mean alone does not give it away.
MAY_BE_TURNED = ("comp_databases", "stat_sampling", "stat_modelling")
SKIPS = {"computing": 0.035, "statistics": 0.07, "service": 0.012}  # share of people who skip the whole group
FORGETS = 0.012  # share of single answers left out
TOOK_THE_QUIZ = 90
QUESTIONS_IN_QUIZ = 10
INSIGHT = 0.29  # correlation of a self-rating with what the person can do: Mabe and West (1982), mean over 55 studies


def as_received(borough: str, seed: int) -> pd.DataFrame:
    """The survey as it came in: 401 rows, with one person twice, one scale turned round and answers missing."""
    return _survey(borough, seed)[0].copy()


def clean(borough: str, seed: int) -> pd.DataFrame:
    """The survey put right: one row a person (the later answer), every scale the same way round, gaps left as gaps."""
    return _put_right(*_survey(borough, seed))


def _put_right(survey: pd.DataFrame, turned_round: str) -> pd.DataFrame:
    survey = survey.sort_values("submitted", kind="stable").drop_duplicates("staff_id", keep="last")
    survey = survey.sort_values("staff_id", ignore_index=True).drop(columns="submitted")
    survey[turned_round] = HIGHEST - survey[turned_round]
    return survey


def groups(borough: str, seed: int) -> pd.DataFrame:
    """A score (0 to 10) for each person and group of skills: the mean of the answers given, if at least three were."""
    survey = clean(borough, seed)
    return survey[["staff_id", "directorate"]].join(group_scores(survey).round(2))


def group_scores(survey: pd.DataFrame) -> pd.DataFrame:
    """`computing`, `statistics` and `service` (0 to 10) a row of a survey put right; missing under three answers."""
    scores = {}
    for group, columns in COLUMNS.items():
        answers = survey[columns]
        scores[group] = answers.mean(axis="columns").where(answers.count(axis="columns") >= 3).astype("float64")
    return pd.DataFrame(scores)


def quiz(borough: str, seed: int) -> pd.DataFrame:
    """How many of ten statistics questions those answered rightly who volunteered for a quiz."""
    rng = np.random.default_rng([seed, 2])
    rated = groups(borough, seed).dropna(subset="statistics")
    eager = np.exp(0.45 * rated["statistics"])  # who is sure of it comes forward
    chosen = rng.choice(rated.index, TOOK_THE_QUIZ, replace=False, p=eager / eager.sum())
    took = rated.loc[chosen].sort_values("staff_id", ignore_index=True)
    standard = (took["statistics"] - took["statistics"].mean()) / took["statistics"].std()
    ability = INSIGHT * standard + np.sqrt(1 - INSIGHT**2) * rng.standard_normal(len(took))
    right = (5.2 + 2.0 * ability + rng.normal(0, 0.4, len(took))).round().clip(0, QUESTIONS_IN_QUIZ).astype("int64")
    return took[["staff_id"]].assign(right_of_10=right)


def teams(borough: str, seed: int) -> pd.DataFrame:
    """Two teams of three: the highest totals; the highest total with two more, chosen for the skills still missing.

    Answers on the service are left to those who answered them for the service that decides on schools.
    """
    survey = clean(borough, seed).set_index("staff_id")
    highest, skills = highest_totals(survey), skills_for_schools(survey)
    chosen = {
        "three highest totals": highest,
        "chosen for what is missing": fill_posts(skills, highest[:1], POSTS),
    }
    rows = [(team, person) for team, people in chosen.items() for person in people]
    teams = pd.DataFrame(rows, columns=["team", "staff_id"])
    answers = survey[["directorate"]].join(skills).reset_index()
    return teams.merge(answers, on="staff_id", validate="m:1")


def highest_totals(survey: pd.DataFrame) -> list[str]:
    """The three with the highest totals of all answers; `survey` has the staff numbers as its index."""
    totals = survey[list(QUESTIONS)].sum(axis="columns")
    return totals.sort_values(ascending=False, kind="stable").index[:POSTS].tolist()


def skills_for_schools(survey: pd.DataFrame) -> pd.DataFrame:
    """The twelve answers, those on the service blank for people who do not work in the service that decides on schools.

    Everybody answers for a service of their own: who knows the rules of adult care does not know those of schools.
    """
    skills = survey[list(QUESTIONS)].copy()
    skills.loc[survey["directorate"] != SCHOOLS, COLUMNS["service"]] = pd.NA
    return skills


def fill_posts(skills: pd.DataFrame, appointed: list[str], posts: int, level: int = TEACHES) -> list[str]:
    """The `appointed`, and one by one whoever adds most skills (answers of `level` or more) that the team still lacks.

    `skills`: a row a person, a column a skill, 0 to 10. Greedy set cover; stops when nobody adds a skill.
    """
    has = (skills >= level).fillna(False).astype(bool)
    team = list(appointed)
    while len(team) < posts:
        missing = ~has.loc[team].any()
        adds = has.loc[:, missing].sum(axis="columns")
        if adds.max() == 0:
            break
        team.append(adds.idxmax())
    return team


@lru_cache
def _survey(borough: str, seed: int) -> tuple[pd.DataFrame, str]:
    """The survey as received, and the name of the question whose form had its scale turned round.

    Chance can deal a borough in which the lesson's argument cannot be seen, say an all-rounder at the very top. Such a
    borough is dealt again, as a teacher would.
    """
    for attempt in range(ATTEMPTS):
        rng = np.random.default_rng([seed, 1, attempt])
        survey, turned_round = _hand_in(_deal(rng), borough, rng)
        if _argument_can_be_seen(_put_right(survey, turned_round)):
            return survey, turned_round
    raise ValueError(f"No borough of {ATTEMPTS} dealt from seed {seed} lets the argument be seen: try another seed.")


def _deal(rng: np.random.Generator) -> pd.DataFrame:
    """What everybody truly answers, with gaps: the directorate and the twelve answers, a row a person."""
    directorates, roles = _staff(rng)
    levels = _levels(roles, rng)
    answers = _with_gaps(_answers(roles, levels, rng), levels, rng).astype("Int64")
    answers.insert(0, "directorate", directorates)
    return answers


def _hand_in(answers: pd.DataFrame, borough: str, rng: np.random.Generator) -> tuple[pd.DataFrame, str]:
    """The survey as received, and which of its questions had the scale turned round on its form."""
    survey = answers.copy()
    badges = rng.choice(np.arange(100, 1000), STAFF, replace=False)
    survey.insert(0, "staff_id", [f"{borough[0].upper()}{badge}" for badge in badges])
    days = rng.triangular(0, 2, 18, STAFF).astype(int)
    survey.insert(2, "submitted", pd.Timestamp("2026-02-02") + pd.to_timedelta(days, unit="D"))
    survey = _with_somebody_twice(survey, rng).sort_values(["submitted", "staff_id"], ignore_index=True)
    survey["submitted"] = survey["submitted"].dt.strftime("%Y-%m-%d")
    turned_round = str(rng.choice(MAY_BE_TURNED))
    survey[turned_round] = HIGHEST - survey[turned_round]
    return survey, turned_round


def _argument_can_be_seen(survey: pd.DataFrame) -> bool:
    """Whether this borough (as put right) shows what the lesson argues.

    The highest total is one person's, and who has the three highest is beyond doubt. None of the three works where the
    schools are, and even if knowing any service counts they leave at least three skills uncovered. Two others beside
    the first of them would cover everything, and one other would not. Three to nine people are strong in all three
    groups at 6, at most one at 8, and those strong in computing and the service alone outnumber them.
    """
    by_person = survey.set_index("staff_id")
    totals = by_person[list(QUESTIONS)].sum(axis="columns").nlargest(POSTS + 1, keep="all")
    highest, skills = highest_totals(by_person), skills_for_schools(by_person)
    team = fill_posts(skills, highest[:1], POSTS)
    covers = [int((by_person.loc[highest, list(QUESTIONS)] >= TEACHES).any().sum())]
    covers.append(int((skills.loc[team] >= TEACHES).any().sum()))
    scores = group_scores(survey)
    all_round, unicorns = [int((scores >= level).all(axis="columns").sum()) for level in (6, 8)]
    strong = scores.dropna() >= 6
    danger = int((strong["computing"] & strong["service"] & ~strong["statistics"]).sum())
    return (
        totals.iloc[0] > totals.iloc[1]
        and totals.iloc[POSTS - 1] > totals.iloc[POSTS]
        and SCHOOLS not in by_person.loc[highest, "directorate"].tolist()
        and covers[0] <= len(QUESTIONS) - 3
        and covers[1] == len(QUESTIONS)
        and len(team) == POSTS
        and 3 <= all_round <= 9
        and unicorns <= 1
        and danger > all_round
    )


def _staff(rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """Directorate and role of each member of staff, in no order. How many do what is the same in every borough."""
    shares = {
        (directorate, role): share * percent / 100
        for directorate, (share, percents) in DIRECTORATES.items()
        for role, percent in zip(ROLES, percents, strict=True)
    }
    exact = STAFF * np.array(list(shares.values()))
    count = np.floor(exact).astype(int)
    # Rounded down, a few of the staff are left over: they go where most was lost.
    most_lost = np.argsort(count - exact, kind="stable")[: STAFF - count.sum()]
    count[most_lost] += 1
    everybody = np.repeat(np.arange(len(count)), count)
    jobs = [list(shares)[job] for job in rng.permutation(everybody)]
    return [directorate for directorate, _ in jobs], [role for _, role in jobs]


def _levels(roles: list[str], rng: np.random.Generator) -> pd.DataFrame:
    """Each person's level (0 to 10) in each group of skills, from what people of the role do all day."""
    typical = np.array([ROLES[role] for role in roles])
    spread = np.array([[EVEN_SD if role in ("modelling", "all-round") else LEVEL_SD] for role in roles])
    style = rng.normal(0, STYLE_SD, (len(roles), 1))
    return pd.DataFrame(typical + style + spread * rng.standard_normal(typical.shape), columns=list(GROUPS))


def _answers(roles: list[str], levels: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Whole numbers from 0 to 10, one column a question."""
    answers = {}
    for group, columns in COLUMNS.items():
        for name in columns:
            tilt = np.array([TILTS.get(role, {}).get(name, 0.0) for role in roles])
            exact = levels[group] + QUESTIONS[name][1] + tilt + rng.normal(0, ANSWER_SD, len(levels))
            answers[name] = exact.round().clip(LOWEST, HIGHEST)
    return pd.DataFrame(answers)


def _with_gaps(answers: pd.DataFrame, levels: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Single answers left out anywhere, and whole groups skipped, mostly by those who are weak in the group."""
    answers = answers.mask(rng.random(answers.shape) < FORGETS)
    for group, columns in COLUMNS.items():
        tempted = np.exp(-0.35 * levels[group])
        skips = rng.random(len(answers)) < SKIPS[group] * tempted / tempted.mean()
        answers.loc[skips, columns] = np.nan
    return answers


def _with_somebody_twice(survey: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """A person who answered in the first week answers again after the reminder, a little differently."""
    whole = survey.dropna()
    early = whole[whole["submitted"] < "2026-02-07"]
    again = early.sample(1, random_state=rng)
    changed = rng.choice(list(QUESTIONS), 3, replace=False)
    for name in changed:
        old = int(again[name].iloc[0])
        again[name] = old + 1 if old < HIGHEST else old - 1
    again["submitted"] = pd.Timestamp("2026-02-19")
    return pd.concat([survey, again], ignore_index=True)
