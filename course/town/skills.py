"""The tables that the skills survey gives: what each is, and what its columns mean."""

from course.town import survey
from course.town.tables import DATE, INTEGER, NUMBER, STRING, Field, Reference, Table

SCALE = "0 none, 3 with help, 6 on my own, 8 I could teach it, 10 others come to me with it"
SUBJECT = "The council's staff"
GROUP_TITLES = {
    "computing": "Computing",
    "statistics": "Mathematics and statistics",
    "service": "Knowledge of the service that the person works in",
}

STAFF_ID = Field(
    "staff_id",
    STRING,
    "Staff number",
    "The borough's initial and three digits. Made up.",
    constraints={"required": True, "pattern": "[A-Z][0-9]{3}"},
)
DIRECTORATE = Field(
    "directorate",
    STRING,
    "Directorate",
    "The part of the council that the person works in.",
    constraints={"required": True, "enum": list(survey.DIRECTORATES)},
)
ONCE = {"unique": True}
A_PERSON = (Reference("staff_id", "skills-survey-clean", "staff_id"),)


def _only_once(field: Field) -> Field:
    return Field(field.name, field.type, field.title, field.description, field.unit, field.constraints | ONCE)


def _questions(warning: str = "", on_the_service: str = "") -> tuple[Field, ...]:
    """One column a question; `warning` is said of each, `on_the_service` of those of that group."""
    fields = []
    for group, columns in survey.COLUMNS.items():
        for name in columns:
            description = f"{GROUP_TITLES[group]}: the person's own rating. {SCALE}. Missing: not answered.{warning}"
            description += on_the_service if group == "service" else ""
            within = {"minimum": survey.LOWEST, "maximum": survey.HIGHEST}
            fields.append(Field(name, INTEGER, survey.QUESTIONS[name][0], description, "points of 10", within))
    return tuple(fields)


TABLES = (
    Table(
        name="skills-survey",
        title="Skills survey of staff, as received",
        description="Twelve skills in three groups, rated 0 to 10 by the staff themselves. Not yet fit for use.",
        story=(
            "It was open from 2 to 20 February 2026, and 400 people answered. One of them answered twice: the later answer "
            "counts. On one question's form the scale was turned round, so that 10 meant none. Some left out an answer; "
            "some skipped a whole group of questions, more often one that they are weak in."
        ),
        subject=SUBJECT,
        fields=(
            STAFF_ID,
            DIRECTORATE,
            Field(
                "submitted",
                DATE,
                "Day of the answer",
                "The day on which the form was sent.",
                constraints={"required": True},
            ),
            *_questions(" One of the twelve was answered with its scale turned round."),
        ),
        key=("staff_id", "submitted"),
        make=survey.as_received,
    ),
    Table(
        name="skills-survey-clean",
        title="Skills survey of staff, put right",
        description="The same survey, one row a person, every scale the same way round, gaps left as gaps.",
        story=(
            "Made from skills-survey: the later of two answers kept, the scale that was turned round turned back (10 "
            "minus the answer)."
        ),
        subject=SUBJECT,
        fields=(_only_once(STAFF_ID), DIRECTORATE, *_questions()),
        key=("staff_id",),
        make=survey.clean,
    ),
    Table(
        name="skills-groups",
        title="Scores of staff in three groups of skills",
        description="A score for each person in computing, mathematics and statistics, and knowledge of the service.",
        story=(
            "Made from skills-survey-clean: the mean of the answers given in the group, where at least three of four "
            "were given."
        ),
        subject=SUBJECT,
        fields=(
            _only_once(STAFF_ID),
            DIRECTORATE,
            *(
                Field(
                    group,
                    NUMBER,
                    title,
                    "Mean of the answers given. Missing: fewer than three of the four questions were answered.",
                    "points of 10",
                    {"minimum": survey.LOWEST, "maximum": survey.HIGHEST},
                )
                for group, title in GROUP_TITLES.items()
            ),
        ),
        key=("staff_id",),
        make=survey.groups,
        references=A_PERSON,
    ),
    Table(
        name="skills-quiz",
        title="Statistics quiz of those who volunteered",
        description="How many of ten questions on statistics each of 90 volunteers answered rightly.",
        story=(
            "90 of those who had rated themselves in statistics took the quiz; whoever felt sure of it was likelier "
            "to. Results were drawn to go with the ratings as weakly as studies find: a correlation of 0.29 (Mabe and "
            "West 1982, the mean over 55 studies), give or take what chance does with 90 people."
        ),
        subject=SUBJECT,
        fields=(
            _only_once(STAFF_ID),
            Field(
                "right_of_10",
                INTEGER,
                "Right answers",
                "Right answers to ten questions.",
                "answers",
                {"required": True, "minimum": 0, "maximum": survey.QUESTIONS_IN_QUIZ},
            ),
        ),
        key=("staff_id",),
        make=survey.quiz,
        references=A_PERSON,
        boroughs=("wexmoor",),
    ),
    Table(
        name="skills-teams",
        title="Two teams of three",
        description=(
            "The three highest totals of all twelve answers; the highest total with two more, chosen for the skills still "
            "missing."
        ),
        story=(
            "Made from skills-survey-clean. Everybody answered for the service they work in: the four answers about it "
            "are left only to those who work in Children and learning, where the schools are, and blank for the "
            "others. A skill counts as there when somebody in the team rates it 8 or more. The second team takes, post "
            "by post, whoever adds most skills that nobody in it has yet."
        ),
        subject=SUBJECT,
        fields=(
            Field("team", STRING, "How the team was chosen", "One of two ways.", constraints={"required": True}),
            STAFF_ID,
            DIRECTORATE,
            *_questions(on_the_service=f" Blank too for those who do not work in {survey.SCHOOLS}."),
        ),
        key=("team", "staff_id"),
        make=survey.teams,
        references=A_PERSON,
        boroughs=("eastmere",),
    ),
)
