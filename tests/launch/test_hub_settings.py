"""hub.toml: what a department may write into it, what it is told where it errs, and what JupyterHub then gets."""

import re
import tomllib
from dataclasses import fields, replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from course.launch.hub import cli
from course.launch.hub.settings import TEMPLATE, HubError, HubSettings, read

TEXT = TEMPLATE.read_text(encoding="utf-8")


def write(folder: Path, old: str = "", new: str = "") -> Path:
    """The template with one line changed, in a folder."""
    assert old in TEXT
    place = folder / "hub.toml"
    place.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    return place


def test_the_template_can_be_read_as_it_stands_and_what_it_calls_usual_is_what_holds_without_it():
    settings = read(TEMPLATE)
    shown = tomllib.loads("\n".join(re.findall(r"^# ([a-z-]+ = .*)$", TEXT.split("[cohorts.")[0], re.MULTILINE)))
    assert shown.pop("certificate") and shown.pop("key"), "examples: there are none by themselves"
    usual = {one.name.replace("_", "-"): getattr(settings, one.name) for one in fields(HubSettings)}
    assert shown == {name: list(usual[name]) if name == "admins" else _plain(usual[name]) for name in shown}
    explained = {*shown, "address", "software", "exchange", "certificate", "key", "cohorts", "source"}
    assert {*usual} == explained, "every setting is explained"


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('address = "https', 'addresses = "https', '[hub] has "addresses", which nothing reads'),
        ('address = "https://learn.example.org"\n', "", '[hub] has no "address", and needs one'),
        ("https://learn.example.org", "learn.example.org", "is no address: write it as https://"),
        ("https://learn.example.org", "http://learn.example.org", "would send passwords in the clear: use https"),
        ("https://learn.example.org", "https://example.org/hub", "with nothing behind"),
        ('# listen = "127.0.0.1:8000"', 'listen = "0.0.0.0:8000"', "open to other machines without encryption"),
        ('# listen = "127.0.0.1:8000"', 'listen = "127.0.0.1"', "is no place to listen"),
        ('# listen = "127.0.0.1:8000"', 'listen = "127.0.0.1:8081"', "must be three ports"),
        ("# certificate", "certificate", "certificate and key belong together"),
        ('"/opt/pathway-hub"', '"pathway-hub"', "software = 'pathway-hub' in [hub] is not a whole path"),
        ('# isolation = "systemd"', 'isolation = "docker"', "there are systemd and process"),
        ('# memory = "2G"', 'memory = "2 GB"', "is no size: write it as 2G"),
        ('# memory = "2G"', "memory = 2", "memory = 2 in [hub] is not text"),
        ("# servers = 50", "servers = 0", "servers = 0 cannot be"),
        ("# servers = 50", "servers = true", "is not a whole number"),
        ("# admins = []", 'admins = ["Pat Jones"]', 'admins "Pat Jones" is no name of an account'),
        ("# admins = []", 'admins = "pat"', "is not a list"),
        ('trainees = "autumn"', 'trainees = "pathway-mentors"', "they would read answers"),
        ('folder = "/home/mel/autumn"', 'folder = "/home/mel/october"', "table and folder have one name"),
        ('mentor = "mel"', "", '[cohorts.autumn] has no "mentor"'),
        ("[cohorts.autumn]", "[cohort.autumn]", "nothing reads [cohort]"),
        ("[cohorts.autumn]", "[cohorts.autumn", "cannot be read as TOML"),
    ],
)
def test_a_setting_that_cannot_be_is_named_with_what_to_write(tmp_path, old, new, told):
    with pytest.raises(HubError) as refused:
        read(write(tmp_path, old, new))
    assert told in str(refused.value) and str(tmp_path / "hub.toml") in str(refused.value)
    assert "\n" not in str(refused.value)


def test_two_cohorts_have_mentors_and_groups_of_their_own(tmp_path):
    more = '\n[cohorts.winter]\ntrainees = "autumn"\nmentor = "sam"\nfolder = "/srv/cohorts/winter"\n'
    place = write(tmp_path)
    place.write_text(TEXT + more, encoding="utf-8")
    with pytest.raises(HubError, match='trainees "autumn" stands in two cohorts'):
        read(place)
    place.write_text(TEXT + more.replace('"autumn"', '"winter"'), encoding="utf-8")
    settings = read(place)
    assert settings.groups == {"pathway-mentors", "autumn", "winter"}
    assert settings.attended_by({"ben", "winter"}).name == "winter" and settings.mentored_by("sam").name == "winter"
    assert settings.attended_by({"users"}) is None and settings.mentored_by("ben") is None


def test_a_file_that_is_not_there_is_told_in_one_line_with_where_to_get_one(tmp_path):
    for command in ("prepare", "check", "start"):
        done = CliRunner().invoke(cli.app, ["hub", command, "--settings", str(tmp_path / "none.toml")])
        assert done.exit_code == 1 and done.stdout == ""
        assert done.stderr.count("\n") == 1 and f"Copy {TEMPLATE} there and fill it in" in done.stderr


def test_plain_http_is_for_this_machine_alone():
    settings = replace(read(TEMPLATE), address="http://localhost:8000")
    assert not settings.is_encrypted and read(TEMPLATE).is_encrypted
