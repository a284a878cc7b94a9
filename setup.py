"""What setup.cfg cannot say: the files of `etc/`, where they are installed, the extension, and the links of the
README."""

import configparser
import re
from pathlib import Path

from setuptools import Extension, find_packages, setup

HERE = Path(__file__).parent


def long_description() -> str:
    """The README with absolute links: a package index shows it without the rest of the tree."""
    config = configparser.ConfigParser()
    config.read(HERE / "setup.cfg")
    addresses = dict(line.split(" = ") for line in config["metadata"]["project_urls"].strip().splitlines())
    readme = (HERE / "README.md").read_text(encoding="utf-8")
    return re.sub(r"\]\((?!\w+:|#)", f"]({addresses['Source']}/blob/main/", readme)


setup(
    long_description=long_description(),
    long_description_content_type="text/markdown",
    packages=[*find_packages(include=["httptee*"]), "httptee.etc"],
    package_dir={"httptee.etc": "etc"},
    # Without a C compiler the installation goes on without it. It uses only the stable ABI, so one wheel is for all
    # versions of Python.
    ext_modules=[
        Extension(
            "httptee._speedups",
            sorted(map(str, Path("httptee/native").glob("*.c"))),
            depends=["httptee/native/parts.h"],
            define_macros=[("Py_LIMITED_API", "0x030a0000")],
            py_limited_api=True,
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp310"}},
    data_files=[
        ("share/man/man1", ["etc/man/httptee.1"]),
        ("share/bash-completion/completions", ["etc/completions/bash/httptee"]),
        ("share/zsh/site-functions", ["etc/completions/zsh/_httptee"]),
        ("share/fish/vendor_completions.d", ["etc/completions/fish/httptee.fish"]),
    ],
)
