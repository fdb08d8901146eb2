"""What pyproject.toml cannot say: a built package carries data/ with it, as course/_data."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithData(build_py):
    """Lays data/ into the package. An editable install (run.py makes one) needs no copy: data/ lies beside course/."""

    def run(self):
        super().run()
        if not self.editable_mode:
            place = Path(self.build_lib, "course", "_data")
            shutil.rmtree(place, ignore_errors=True)  # what an earlier build left
            shutil.copytree("data", place)


setup(cmdclass={"build_py": BuildWithData})
