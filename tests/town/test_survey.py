"""The skills survey holds the defects that the lesson finds, and its argument can be seen, from whatever seed."""

import numpy as np
import pandas as pd
import pytest

from course.town import SEEDS, survey

OTHER_EASTMERES = [2, 3, 7, 31, 2026]
BOROUGHS = [("wexmoor", SEEDS["wexmoor"]), ("eastmere", SEEDS["eastmere"])]
BOROUGHS += [("eastmere", seed) for seed in OTHER_EASTMERES]
every_borough = pytest.mark.parametrize(("borough", "seed"), BOROUGHS)
QUESTIONS = list(survey.QUESTIONS)


def agreement_with_own_group(answers: pd.DataFrame) -> pd.Series:
    """Correlation of each question with the mean of the other three of its group."""
    found = {}
    for columns in survey.COLUMNS.values():
        for name in columns:
            others = answers[[other for other in columns if other != name]].mean(axis="columns")
            found[name] = answers[name].astype(float).corr(others.astype(float))
    return pd.Series(found)


@every_borough
def test_400_people_answered_and_one_of_them_twice_a_little_differently(borough, seed):
    received = survey.as_received(borough, seed)
    assert len(received) == 401
    assert received["staff_id"].nunique() == 400
    assert not received.duplicated().any(), "the two answers differ, so that comparing whole rows does not find them"
    twice = received[received["staff_id"].duplicated(keep=False)].sort_values("submitted")
    first, second = twice[QUESTIONS].astype(float).to_numpy()
    assert twice["submitted"].is_unique
    assert sorted(abs(first - second))[-4:] == [0, 1, 1, 1]


@every_borough
def test_exactly_one_scale_runs_backwards_and_it_can_be_found(borough, seed):
    agreement = agreement_with_own_group(survey.as_received(borough, seed))
    backwards = agreement[agreement < 0]
    assert len(backwards) == 1
    assert backwards.iloc[0] < -0.5
    assert agreement.drop(backwards.index).min() > 0.2
    lowest_mean = survey.as_received(borough, seed)[QUESTIONS].mean().idxmin()
    assert backwards.index[0] != lowest_mean, "its mean alone should not give it away"
    assert (agreement_with_own_group(survey.clean(borough, seed)) > 0.2).all()


@every_borough
def test_some_left_out_an_answer_and_some_a_whole_group(borough, seed):
    clean = survey.clean(borough, seed)
    skipped = {group: clean[columns].isna().all(axis="columns") for group, columns in survey.COLUMNS.items()}
    assert skipped["statistics"].sum() > 15
    single = clean[QUESTIONS].isna().sum().sum() - 4 * sum(people.sum() for people in skipped.values())
    assert single > 20


def test_those_who_are_weak_in_a_group_skip_it_more_often():
    levels = pd.DataFrame({group: [2.0] * 5000 + [8.0] * 5000 for group in survey.GROUPS})
    answers = pd.DataFrame(5.0, index=levels.index, columns=QUESTIONS)
    with_gaps = survey._with_gaps(answers, levels, np.random.default_rng(1))
    skipped = with_gaps[survey.COLUMNS["statistics"]].isna().all(axis="columns")
    assert skipped.head(5000).sum() > 3 * skipped.tail(5000).sum() > 0


@every_borough
def test_the_clean_survey_is_what_the_lesson_s_steps_make_of_the_received_one(borough, seed):
    received = survey.as_received(borough, seed)
    backwards = agreement_with_own_group(received).idxmin()
    by_hand = received.sort_values("submitted").drop_duplicates("staff_id", keep="last").sort_values("staff_id")
    by_hand[backwards] = 10 - by_hand[backwards]
    by_hand = by_hand.drop(columns="submitted").reset_index(drop=True)
    pd.testing.assert_frame_equal(by_hand, survey.clean(borough, seed))


@every_borough
def test_a_group_score_needs_three_of_four_answers(borough, seed):
    clean, scores = survey.clean(borough, seed), survey.groups(borough, seed)
    for group, columns in survey.COLUMNS.items():
        given = clean[columns].notna().sum(axis="columns")
        assert (scores[group].notna() == (given >= 3)).all()
        assert scores[group].between(0, 10).sum() == scores[group].count()


@every_borough
def test_most_know_the_service_only_and_the_danger_zone_outnumbers_data_science(borough, seed):
    known = survey.groups(borough, seed).dropna()
    strong = known[["computing", "statistics", "service"]] >= 6
    counts = strong.value_counts()
    assert 330 <= len(known) <= 375
    assert counts.idxmax() == (False, False, True)
    assert 3 <= counts[(True, True, True)] <= 9
    assert counts[(True, False, True)] > 2 * counts[(True, True, True)]
    assert counts[(True, False, True)] > counts[(True, True, False)]
    assert all(counts.get(region, 0) > 0 for region in [(True, True, False), (False, True, True), (False, True, False)])


@every_borough
def test_nobody_is_left_in_the_middle_when_the_threshold_rises(borough, seed):
    weakest = survey.groups(borough, seed)[["computing", "statistics", "service"]].min(axis="columns", skipna=False)
    at = [(weakest >= threshold).sum() for threshold in range(3, 10)]
    assert at == sorted(at, reverse=True)
    assert at[0] > 60
    assert (weakest >= 8).sum() <= 1


@every_borough
def test_the_three_highest_totals_leave_skills_uncovered_and_three_chosen_people_leave_none(borough, seed):
    people = survey.clean(borough, seed).set_index("staff_id")
    skills = people[QUESTIONS]
    totals = skills.sum(axis="columns").sort_values(ascending=False)
    assert totals.iloc[0] > totals.iloc[1], "the highest total is one person's"
    assert totals.iloc[2] > totals.iloc[3], "nobody can argue about who the three are"
    highest = totals.index[:3].tolist()
    assert "Children and learning" not in people.loc[highest, "directorate"].tolist()

    for_schools = survey.skills_for_schools(people)

    def covered(team, skills=for_schools):
        return (skills.loc[team] >= 8).any().sum()

    assert covered(highest, skills) <= 9, "even when knowing any service counts"
    assert covered(survey.fill_posts(for_schools, [], 3)) == 12
    chosen = survey.fill_posts(for_schools, highest[:1], 3)
    assert covered(chosen) == 12
    assert len(chosen) == 3
    assert chosen[0] == highest[0]


def test_knowing_another_service_is_not_knowing_schools():
    people = survey.clean("wexmoor", SEEDS["wexmoor"]).set_index("staff_id")
    for_schools = survey.skills_for_schools(people)
    elsewhere = people["directorate"] != "Children and learning"
    assert for_schools.loc[elsewhere, survey.COLUMNS["service"]].isna().all(axis=None)
    pd.testing.assert_frame_equal(for_schools[~elsewhere], people.loc[~elsewhere, QUESTIONS])


@every_borough
def test_in_the_table_of_teams_only_those_who_work_with_schools_know_their_service(borough, seed):
    teams = survey.teams(borough, seed)
    people = survey.clean(borough, seed).set_index("staff_id")
    service, others = survey.COLUMNS["service"], survey.COLUMNS["computing"] + survey.COLUMNS["statistics"]
    with_schools = teams["directorate"] == "Children and learning"
    assert teams.loc[~with_schools, service].isna().all(axis=None)
    answered = people.loc[teams["staff_id"]].reset_index(drop=True)
    pd.testing.assert_frame_equal(teams[others], answered[others])
    pd.testing.assert_frame_equal(teams.loc[with_schools, service], answered.loc[with_schools, service])
    best = teams.groupby("team")[QUESTIONS].max()
    assert best.loc["three highest totals", service].isna().all()
    assert (best.loc["chosen for what is missing"] >= 8).all()
    first_of_each = teams.groupby("team")["staff_id"].first()
    assert first_of_each.nunique() == 1, "whoever is appointed is in both teams"


def test_people_fill_the_posts_by_what_they_add():
    skills = pd.DataFrame(
        {"a": [9, 9, 2], "b": [9, 8, 3], "c": [7, 2, 8]},
        index=["all-rounder", "copy", "specialist"],
    )
    assert survey.fill_posts(skills, [], 2) == ["all-rounder", "specialist"]
    assert survey.fill_posts(skills, ["copy"], 3) == ["copy", "specialist"]
    assert survey.fill_posts(skills, [], 1) == ["all-rounder"]


def test_the_quiz_goes_weakly_with_the_ratings():
    quiz = survey.quiz("wexmoor", SEEDS["wexmoor"])
    rated = quiz.merge(survey.groups("wexmoor", SEEDS["wexmoor"]), on="staff_id", validate="1:1")
    assert len(quiz) == 90
    assert 0.15 < rated["right_of_10"].corr(rated["statistics"]) < 0.45


def test_directorates_are_strong_in_different_skills():
    clean = survey.clean("wexmoor", SEEDS["wexmoor"])
    skills = {
        name: frozenset(QUESTIONS[i] for i, n in enumerate((group[QUESTIONS] >= 8).sum()) if n >= 3)
        for name, group in clean.groupby("directorate")
    }
    assert len(set(skills.values())) >= 5
