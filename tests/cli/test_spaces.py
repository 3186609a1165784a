"""Search spaces as they are written on the command line."""

import pytest

from hpo import CategoricalDistribution, FloatDistribution, IntDistribution
from hpo.cli.spaces import read_space, read_spaces
from hpo.errors import InvalidArgument


@pytest.mark.parametrize(
    ("text", "space"),
    [
        ("lr=float(1e-5,1e-1,log)", {"lr": FloatDistribution(1e-5, 1e-1, log=True)}),
        (" x = float( -1 , 1 , step=0.5 ) ", {"x": FloatDistribution(-1, 1, step=0.5)}),
        ("n=int(1,256,log=true)", {"n": IntDistribution(1, 256, log=True)}),
        ("n=int(0,8,step=2,log=false)", {"n": IntDistribution(0, 8, step=2)}),
        ("opt=choice(adam, sgd)", {"opt": CategoricalDistribution(["adam", "sgd"])}),
        ("opt=categorical(1, 1.5, true, null, '1', \"a, b)\")", {"opt": CategoricalDistribution([1, 1.5, True, None, "1", "a, b)"])}),
        ("on=bool()", {"on": CategoricalDistribution([False, True])}),
        ("a.b/c=int(1,2), d=int(3,4); e=int(5,6)\nf=bool()", {
            "a.b/c": IntDistribution(1, 2), "d": IntDistribution(3, 4), "e": IntDistribution(5, 6),
            "f": CategoricalDistribution([False, True]),
        }),
    ],
)  # fmt: skip
def test_the_short_form(text, space):
    read = read_space(text)
    assert dict(read) == space
    assert list(read) == list(space)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("lr=float(1e-5)", "parameter 'lr': float(low,high) needs two numbers, got float(1e-5)"),
        ("lr=float(1,0)", "parameter 'lr': "),
        ("n=int(1,2.5)", "parameter 'n': "),
        ("n=int(1,2,lg)", "takes log or step=... as well, got 'lg'"),
        ("n=normal(0,1)", "there is no kind 'normal': there are float, int, choice and bool"),
        ("n=int(1,2) n=int(1,3)", "has parameter 'n' twice"),
        ("n=int(1,2", "'n=int(1,2' is not valid"),
        ("n=int(1,2) and", "'and' is not valid"),
        ("n=choice()", "parameter 'n': "),
        ("n=bool(1)", "bool() takes no arguments"),
    ],
)
def test_what_is_wrong_is_said(text, problem):
    with pytest.raises(InvalidArgument, match="search space") as raised:
        read_space(text)
    assert problem in str(raised.value)


def test_several_spaces_are_one(tmp_path):
    (tmp_path / "space.json").write_text('{"n": {"name": "IntDistribution", "attributes": {"low": 1, "high": 9}}}')
    assert list(read_spaces(["x=float(0,1)", str(tmp_path / "space.json")])) == ["x", "n"]
    with pytest.raises(InvalidArgument, match="'x' twice"):
        read_spaces(["x=float(0,1)", "x=int(0,1)"])
