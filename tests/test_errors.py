"""One exception tree, and the picture of it is true."""

from __future__ import annotations

import inspect
import re

from fanlight import errors


def classes() -> dict[str, type[BaseException]]:
    return {
        name: value
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, BaseException)
    }


def test_everything_raised_descends_from_one_error() -> None:
    assert all(issubclass(each, errors.FanlightError) for each in classes().values())


def test_the_docstring_draws_every_class_and_no_other() -> None:
    drawn = re.findall(r"\b(\w+Error)\b", inspect.getdoc(errors) or "")
    assert sorted(drawn) == sorted(classes())


def test_every_class_says_when_it_is_raised() -> None:
    assert all((inspect.getdoc(each) or "").endswith(".") for each in classes().values())
