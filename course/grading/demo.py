"""A cohort that looks real in one command: made-up trainees, with submissions drawn from the units' answer banks.

Who gets what right is drawn from a logistic item-response model with two parameters (Birnbaum, in Lord and Novick,
Statistical Theories of Mental Test Scores, 1968, chapter 17): a trainee of ability t answers an exercise of difficulty b and
discrimination a with probability 1 / (1 + exp(-a (t - b))). Wrong answers are those of the bank, some commoner than others.
People also leave blanks, run out of time, hand in late, not at all, or with cells moved, doubled or lost; a few mean harm.
What is handed in are whole notebooks, outputs cleared. Same seed, same submissions.
"""

import copy
import json
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from course.builder.source import BEGIN_SOLUTION, END_SOLUTION, MENTOR_PAGE, Exercise, Unit, read_unit
from course.grading.cohort import CHECKOUT, COLUMNS, Cohort
from course.grading.exchange import release
from course.grading.hostile import HOSTILE, Exam, Hostile, Prey, lay
from course.proof.bank import Answers, read_bank
from course.town.names import places

Progress = Callable[[int, int, str], None]
# The first unit's due date; each unit that follows has two weeks.
FIRST_DUE = datetime(2026, 10, 5, 16, 0, tzinfo=UTC)
# Those of the bank that the mentor of a demo meets: none that takes its time.
MEANING_HARM = ("reads-the-gradebook", "always-equal", "ends-the-process")
HOSTILE_UNIT, HOSTILE_NOTEBOOK = "01-what-is-data-science", "data-science-assessment"
GIVEN = (
    *("Aaliyah", "Adam", "Agnieszka", "Aisha", "Alasdair", "Amara", "Andrzej", "Anil", "Bethan", "Blessing", "Callum"),
    *("Catherine", "Chidi", "Chloe", "Danuta", "David", "Deepa", "Dylan", "Eilidh", "Emeka", "Emma", "Farah", "Fatima"),
    *("Gareth", "Grace", "Gurpreet", "Hamza", "Hannah", "Harriet", "Ibrahim", "Imogen", "Isla", "Jamal", "James", "Jaya"),
    *("Joanna", "Kofi", "Laura", "Leila", "Lewis", "Mei", "Megan", "Mohammed", "Niamh", "Nkechi", "Oliver", "Olu", "Owen"),
    *("Patrick", "Priya", "Rachel", "Ravi", "Rhys", "Rosa", "Samuel", "Shanice", "Siobhan", "Tariq", "Tomasz", "Yusuf"),
)
OWN_CELLS = (
    "%matplotlib inline",
    "# note to myself: ask on Thursday about the blanks",
    "import numpy as np\nnp.arange(5).mean()",
    "import warnings\nwarnings.filterwarnings('ignore')",
    "for number in range(3):\n    print(number, number ** 2)",
    "this = that",
)
HANDED_IN, HALF, NOTHING = "all", "half", "nothing"
# How one hands in, and how many of a hundred do so.
WAYS = {HANDED_IN: 86, HALF: 7, NOTHING: 7}
LATE, OUT_OF_TIME, TAMPERS, OWN_CELL, SLIP = 0.12, 0.2, 0.12, 0.25, 0.03
SAMPLE = re.compile(r"^\*\*\w+, (\d+) of \d+\.\*\*(.*?)(?=^\*[^*]|\Z)", re.MULTILINE | re.DOTALL)
GUIDE = re.compile(r"^#+ Marking[^\n]*`([\w-]+)`[^\n]*\n(.*?)(?=^#+ |\Z)", re.MULTILINE | re.DOTALL)
SENTENCE = re.compile(r"(?<=[.?!])\s+(?=[A-Z])")


@dataclass(frozen=True)
class Person:
    """A made-up trainee; `ability` as in the model, 0 on average with a standard deviation of 1."""

    id: str
    first_name: str
    last_name: str
    ability: float


@dataclass(frozen=True)
class Item:
    """An exercise as the model has it, with the answers that people give; those of a written one are `texts`."""

    exercise: Exercise
    difficulty: float
    discrimination: float
    right: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()
    texts: tuple["Text", ...] = ()

    def chance(self, ability: float) -> float:
        """The probability of a right answer."""
        return float(1 / (1 + np.exp(-self.discrimination * (ability - self.difficulty))))


@dataclass(frozen=True)
class Text:
    """A written answer whose marks are known, sentence by sentence."""

    marks: int
    sentences: tuple[str, ...]


def make_demo(
    folder: Path, trainees: int = 30, seed: int = 1, units: Sequence[str] = ("01",), progress: Progress | None = None
) -> Cohort:
    """Make a cohort of made-up `trainees` in `folder`, with `units` (by number or folder) released and handed in.

    `progress(done, total, what)` is called as work goes on. Grade it, then call `mark_some`. Raises CohortError where the
    folder will not do or there is no such unit, and ValueError for less than one trainee.
    """
    if trainees < 1:
        raise ValueError(f"A cohort of {trainees} trainees cannot be made: ask for one at least.")
    show = progress or (lambda done, total, what: None)
    total = 2 * len(units) + 1
    show(0, total, "the cohort")
    people = draw_people(trainees, seed)
    with TemporaryDirectory(prefix="pathway-demo-") as scratch:
        roster = Path(scratch) / "roster.csv"
        roster.write_text(_roster(people), encoding="utf-8")
        cohort = Cohort.new(folder, roster)
    for number, wanted in enumerate(units):
        show(2 * number + 1, total, f"releasing unit {wanted}")
        due = FIRST_DUE + timedelta(weeks=2 * number)
        unit = release(cohort, wanted, due=due).unit
        show(2 * number + 2, total, f"handing in {unit}")
        HandIn(cohort, unit, seed, due).all_of(people)
    show(total, total, "")
    return cohort


def mark_some(cohort: Cohort, seed: int = 1, share: float = 0.6) -> int:
    """Mark a `share` of the written answers that await it, as a mentor does in formgrader; how many were marked.

    For graded cohorts made by `make_demo`: the marks are those that the mentor's page gives to its own sample answers. What
    is withheld because of a flag is left to the mentor.
    """
    rng = np.random.default_rng([seed, 2])
    marked = 0
    with cohort.lock(), cohort.gradebook() as gradebook:
        for unit in cohort.units():
            texts = _texts(read_unit(CHECKOUT / "course" / "units" / unit))
            submissions = gradebook.assignment_submissions(unit)
            for submission in sorted(submissions, key=lambda one: one.student.id):
                for notebook in submission.notebooks:
                    waiting = [grade for grade in notebook.grades if grade.needs_manual_grade]
                    if any(grade.name not in texts for grade in waiting):  # withheld
                        continue
                    for grade in sorted(waiting, key=lambda one: one.name):
                        if rng.random() < share:
                            text = _written_in(cohort, submission.student.id, unit, notebook.name, grade.name)
                            grade.manual_score, said = _worth(text, texts[grade.name], grade.max_score)
                            grade.needs_manual_grade = False
                            comment = gradebook.find_comment(grade.name, notebook.name, unit, submission.student.id)
                            comment.manual_comment = said
                            marked += 1
        gradebook.db.commit()
    return marked


def draw_people(count: int, seed: int) -> list[Person]:
    """`count` trainees with names put together from parts; the surnames are those of no place or person that we know."""
    rng = np.random.default_rng([seed, 0])
    surnames = [name for borough in ("wexmoor", "eastmere") for name in places(borough, rng, 60) if " " not in name]
    width = max(2, len(str(count)))
    return [
        Person(
            id=f"t{number:0{width}}",
            first_name=str(rng.choice(GIVEN)),
            last_name=str(rng.choice(surnames)),
            ability=float(rng.normal()),
        )
        for number in range(1, count + 1)
    ]


def _roster(people: Sequence[Person]) -> str:
    rows = [(one.id, one.first_name, one.last_name, f"{one.id}@wexmoor.example", "") for one in people]
    return "".join(",".join(row) + "\n" for row in [COLUMNS, *rows])


class HandIn:
    """Hands in the released `unit` of a `cohort`: submitted/TRAINEE/UNIT, with the time at which it was."""

    def __init__(self, cohort: Cohort, unit: str, seed: int, due: datetime):
        self.cohort, self.unit, self.due = cohort, unit, due
        self.rng = np.random.default_rng([seed, 1, zlib.crc32(unit.encode())])
        read = read_unit(CHECKOUT / "course" / "units" / unit)
        bank, texts = read_bank(read), _texts(read)
        self.items = {
            notebook.name: [
                self._item(exercise, number, notebook.is_assessment, bank, texts)
                for number, exercise in enumerate(notebook.exercises)
            ]
            for notebook in read.notebooks
        }
        self.released = {name: (cohort.release / unit / f"{name}.ipynb").read_bytes() for name in self.items}
        self.stubs = {
            name: {cell["id"]: _source(cell) for cell in json.loads(text)["cells"] if cell["metadata"].get("nbgrader")}
            for name, text in self.released.items()
        }

    def all_of(self, people: Sequence[Person]) -> None:
        """Hand in for everybody."""
        hostile = self._meaning_harm(people)
        for person in people:
            if person.id in hostile:
                self._harm(person, hostile[person.id])
            else:
                self._hand_in(person)

    # ------------------------------------------------------------------------------------ who means harm

    def _meaning_harm(self, people: Sequence[Person]) -> dict[str, Hostile]:
        """Trainee's id -> what they hand in: one in ten, three at most."""
        cases = {case.name: case for case in HOSTILE}
        names = MEANING_HARM[: len(people) // 10] if self.unit == HOSTILE_UNIT else ()
        chosen = self.rng.choice(len(people), size=len(names), replace=False)
        return {people[at].id: cases[name] for at, name in zip(sorted(chosen), names, strict=True)}

    def _harm(self, person: Person, case: Hostile) -> None:
        """Hand in a case of the bank; what it goes for is where plain nbgrader would run it."""
        right = {item.exercise.id: item.right[0] for item in self.items[HOSTILE_NOTEBOOK] if item.right}
        exam = Exam(HOSTILE_NOTEBOOK, self.released[HOSTILE_NOTEBOOK], right, Prey(cohort="../../.."))
        lay(exam, case, self._folder(person))
        self._stamp(person, late=False)

    # ------------------------------------------------------------------------------------ everybody else

    def _hand_in(self, person: Person) -> None:
        way = str(self.rng.choice([*WAYS], p=np.array([*WAYS.values()]) / 100))
        late = self.rng.random() < LATE
        kept = [*self.released]
        if way == HALF and len(kept) > 1:
            kept.remove(str(self.rng.choice(kept)))
        notebooks = {name: self._notebook(person, name) for name in kept}
        if way == NOTHING:
            return
        folder = self._folder(person)
        folder.mkdir(parents=True)
        for name, notebook in notebooks.items():
            (folder / f"{name}.ipynb").write_text(json.dumps(notebook, indent=1), encoding="utf-8")
        self._stamp(person, late)

    def _notebook(self, person: Person, name: str) -> dict:
        """A notebook as this person leaves it."""
        notebook = json.loads(self.released[name])
        answers = self._answers(person, name)
        for cell in notebook["cells"]:
            if cell["id"] in answers:
                cell["source"] = answers[cell["id"]].splitlines(keepends=True)
        if self.rng.random() < OWN_CELL:
            own = {"cell_type": "code", "id": "my-own", "metadata": {}, "execution_count": None, "outputs": []}
            own["source"] = str(self.rng.choice(OWN_CELLS)).splitlines(keepends=True)
            notebook["cells"].insert(int(self.rng.integers(2, len(notebook["cells"]))), own)
        if self.rng.random() < TAMPERS:
            self._tampered(notebook)
        return notebook

    def _answers(self, person: Person, name: str) -> dict[str, str]:
        """Cell id -> its source, for each exercise that the person answers."""
        rng, items = self.rng, self.items[name]
        slow = rng.random() < OUT_OF_TIME
        reached = int(rng.integers(len(items) // 2, len(items))) if slow and items else len(items)
        answers = {}
        for item in items[:reached]:
            chance, lucky, gives_up = item.chance(person.ability), rng.random(), rng.random()
            if item.exercise.written:
                text = self._text(item, chance)
                if gives_up > 0.15 * (1 - chance):
                    answers[item.exercise.id] = text
                continue
            answer = self._right(item) if lucky < chance else str(rng.choice(item.wrong, p=item.weights))
            if lucky < chance or gives_up > 0.3 * (1 - chance):
                if rng.random() < SLIP:
                    answer = answer.rstrip().removesuffix(")").removesuffix("]").removesuffix("}") + "\n"
                first, _, _ = self.stubs[name][item.exercise.id].partition("\n")
                answers[item.exercise.id] = f"{first}\n{answer}"
        return answers

    def _right(self, item: Item) -> str:
        """A right answer: the course's own two times in three."""
        if len(item.right) > 1 and self.rng.random() < 1 / 3:
            return str(self.rng.choice(item.right[1:]))
        return item.right[0]

    def _text(self, item: Item, chance: float) -> str:
        """A written answer about as good as is to be expected, with some of its sentences left out."""
        rng, points = self.rng, item.exercise.points
        marks = rng.binomial(points, chance)
        near = np.array([np.exp(-abs(text.marks - marks)) for text in item.texts])
        text = item.texts[rng.choice(len(item.texts), p=near / near.sum())]
        kept = [sentence for number, sentence in enumerate(text.sentences) if rng.random() < 0.85 or number == 0]
        return " ".join(kept)

    def _tampered(self, notebook: dict) -> None:
        """Do to some of the cells what people do, mostly without meaning to."""
        rng, cells = self.rng, notebook["cells"]
        graded = [at for at, cell in enumerate(cells) if cell["metadata"].get("nbgrader")]
        if not graded:
            return
        at = int(rng.choice(graded))
        kind = rng.choice(["delete", "move", "double", "change", "forget"])
        if kind == "delete":
            del cells[at]
        elif kind == "move":
            cells.insert(int(rng.integers(1, len(cells))), cells.pop(at))
        elif kind == "double":
            cells.insert(at + 1, copy.deepcopy(cells[at]))
        elif kind == "change":
            check = next((cells[n] for n in graded if n >= at and cells[n]["metadata"].get("check")), cells[at])
            kept = [line for line in _source(check).splitlines(keepends=True) if not line.startswith("expect(")]
            check["source"] = kept
        else:
            del cells[at]["metadata"]["nbgrader"]

    # ------------------------------------------------------------------------------------ laid, and drawn once

    def _folder(self, person: Person) -> Path:
        return self.cohort.submitted / person.id / self.unit

    def _stamp(self, person: Person, late: bool) -> None:
        """Write when it was handed in, as nbgrader's exchange does."""
        hours = self.rng.exponential(20)
        when = self.due + timedelta(hours=hours) if late else self.due - timedelta(hours=hours)
        text = f"{when.replace(microsecond=0):%Y-%m-%d %H:%M:%S.%f} UTC\n"
        (self._folder(person) / "timestamp.txt").write_text(text, encoding="utf-8")

    def _item(
        self,
        exercise: Exercise,
        number: int,
        counts: bool,
        bank: Mapping[str, Answers],
        texts: Mapping[str, tuple[Text, ...]],
    ) -> Item:
        """An exercise with its difficulty (assessments and later ones are harder), and which wrong answers are common."""
        rng = self.rng
        difficulty = (-0.4 if counts else -1.1) + 0.08 * number + rng.normal(0, 0.6)
        item = {"exercise": exercise, "difficulty": float(difficulty), "discrimination": float(rng.lognormal(0.3, 0.3))}
        if exercise.written:
            return Item(**item, texts=texts[exercise.id])
        answers = bank[exercise.id]
        wrong = tuple(one.answer for one in answers.wrong)
        weights = rng.permutation(1 / np.arange(1, len(wrong) + 1))
        right = (_model(exercise), *(one.answer for one in answers.right))
        return Item(**item, right=right, wrong=wrong, weights=tuple(weights / weights.sum()))


def _source(cell: Mapping[str, Any]) -> str:
    return cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])


def _model(exercise: Exercise) -> str:
    """The course's own answer to a task."""
    lines = exercise.task.source.splitlines(keepends=True)
    return "".join(line for line in lines if line.strip() not in (BEGIN_SOLUTION, END_SOLUTION))


def _texts(unit: Unit) -> dict[str, tuple[Text, ...]]:
    """Exercise id -> written answers whose marks are known: the model answer, and the samples of the mentor's page."""
    page = (unit.folder / MENTOR_PAGE).read_text(encoding="utf-8")
    samples: dict[str, list[Text]] = {}
    for id, guide in GUIDE.findall(page):
        for marks, sample in SAMPLE.findall(guide):
            found = re.search(r'"(.*)"', sample, re.DOTALL)
            if found:
                samples.setdefault(id, []).append(Text(int(marks), _sentences(found[1])))
    made = {}
    for exercise in (one for notebook in unit.notebooks for one in notebook.exercises if one.written):
        model = _sentences(exercise.written.source)
        found = [Text(exercise.points, model), *samples.get(exercise.id, [])]
        if len(found) == 1:
            found.append(Text(exercise.points // 2, model[: max(1, len(model) // 2)]))
        made[exercise.id] = tuple(found)
    return made


def _sentences(text: str) -> tuple[str, ...]:
    return tuple(SENTENCE.split(" ".join(text.split())))


def _written_in(cohort: Cohort, trainee: str, unit: str, notebook: str, name: str) -> str:
    """The written answer `name` in an autograded notebook."""
    path = cohort.autograded / trainee / unit / f"{notebook}.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return next(_source(cell) for cell in cells if cell["metadata"].get("nbgrader", {}).get("grade_id") == name)


def _worth(text: str, known: Sequence[Text], most: float) -> tuple[float, str]:
    """What a written answer earns, by the known one that it is made of and as far as it goes, and what the mentor says."""
    nearest = max(known, key=lambda one: sum(sentence in text for sentence in one.sentences))
    share = sum(sentence in text for sentence in nearest.sentences) / len(nearest.sentences)
    earned = float(min(most, round(nearest.marks * share)))
    if earned == most:
        return earned, "Clear, with its reasons and its limits: nothing to add."
    if earned >= most / 2:
        return earned, "A good start. Say with a number why, and what you would find out before anybody acts."
    return (
        earned,
        "Begin with what should be done, so that somebody could do it tomorrow; then give the reason with its number.",
    )
