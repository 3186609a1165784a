"""space_of: spaces of classes and of other libraries, value for value, or refused by name."""

import enum
import math
from dataclasses import dataclass, field
from typing import Annotated, Literal

import pytest
from scipy import stats

from hpo import CategoricalDistribution, FloatDistribution, IntDistribution
from hpo.errors import InvalidArgument, InvalidType
from hpo.spaces import space_of


class Size(enum.StrEnum):
    SMALL = "small"
    LARGE = "large"


@dataclass
class Net:
    depth: Annotated[int, IntDistribution(1, 8)] = 2
    size: Size = Size.SMALL


@dataclass
class Training:
    lr: Annotated[float, FloatDistribution(1e-5, 1e-1, log=True)]
    net: Net = field(default_factory=Net)
    optimizer: Literal["adam", "sgd"] = "adam"
    nesterov: bool = False


def test_a_dataclass_with_a_nested_one():
    space = space_of(Training)
    assert dict(space) == {
        "lr": FloatDistribution(1e-5, 1e-1, log=True),
        "net.depth": IntDistribution(1, 8),
        "net.size": CategoricalDistribution(["small", "large"]),
        "optimizer": CategoricalDistribution(["adam", "sgd"]),
        "nesterov": CategoricalDistribution([False, True]),
    }
    assert list(space)[:2] == ["lr", "net.depth"]


def test_a_field_without_a_range_is_refused_by_name():
    @dataclass
    class Bare:
        momentum: float = 0.9

    with pytest.raises(InvalidArgument, match="field 'momentum' of Bare: it has no lower bound"):
        space_of(Bare)

    @dataclass
    class Wordy:
        name: str = "x"

    with pytest.raises(InvalidArgument, match="field 'name' of Wordy: <class 'str'> has no range"):
        space_of(Wordy)


def test_pydantic_models():
    pydantic = pytest.importorskip("pydantic")

    class Model(pydantic.BaseModel):
        lr: Annotated[float, FloatDistribution(1e-5, 1e-1, log=True)] = 0.1
        dropout: float = pydantic.Field(0.0, ge=0, le=0.5)
        layers: int = pydantic.Field(2, gt=0, lt=9)
        width: int = pydantic.Field(64, ge=32, le=256, multiple_of=32)
        kind: Literal["a", "b"] = "a"

    assert dict(space_of(Model)) == {
        "lr": FloatDistribution(1e-5, 1e-1, log=True),
        "dropout": FloatDistribution(0, 0.5),
        "layers": IntDistribution(1, 8),
        "width": IntDistribution(32, 256, step=32),
        "kind": CategoricalDistribution(["a", "b"]),
    }

    class Open(pydantic.BaseModel):
        rate: float = pydantic.Field(0.5, gt=0, le=1)

    with pytest.raises(InvalidArgument, match="field 'rate' of Open: gt=0 leaves out the end"):
        space_of(Open)


def test_frozen_distributions_of_scipy_and_lists():
    space = space_of(
        {
            "C": stats.loguniform(1e-2, 1e2),
            "gamma": stats.uniform(0.5, 2),
            "shift": stats.uniform(loc=-1, scale=3),
            "trees": stats.randint(10, 101),
            "kernel": ["rbf", "linear", None],
            "own": FloatDistribution(0, 1),
        }
    )
    assert dict(space) == {
        "C": FloatDistribution(1e-2, 1e2, log=True),
        "gamma": FloatDistribution(0.5, 2.5),
        "shift": FloatDistribution(-1, 2),
        "trees": IntDistribution(10, 100),
        "kernel": CategoricalDistribution(["rbf", "linear", None]),
        "own": FloatDistribution(0, 1),
    }
    for name, frozen in (
        ("C", stats.loguniform(1e-2, 1e2)),
        ("gamma", stats.uniform(0.5, 2)),
        ("trees", stats.randint(10, 101)),
    ):
        low, high = frozen.support()
        assert (space[name].low, space[name].high) == pytest.approx((low, high))
    with pytest.raises(InvalidArgument, match="parameter 'alpha': scipy's norm has no equal here"):
        space_of({"alpha": stats.norm(0, 1)})
    with pytest.raises(InvalidArgument, match="shifted by loc=1"):
        space_of({"alpha": stats.loguniform(1, 10, loc=1)})


def test_what_is_no_space_is_refused():
    with pytest.raises(InvalidType, match="a space is a dict of distributions by name, a dataclass"):
        space_of(3)
    with pytest.raises(InvalidType, match="parameter 'x' is 3, which is not a distribution"):
        space_of({"x": 3})
    with pytest.raises(InvalidArgument, match="parameter 'x': "):
        space_of({"x": []})


def test_configuration_spaces():
    cs = pytest.importorskip("ConfigSpace")
    given = cs.ConfigurationSpace()
    given.add(
        cs.Float("lr", (1e-5, 1e-1), log=True),
        cs.Integer("n", (1, 8)),
        cs.Categorical("opt", ["adam", "sgd"]),
        cs.Constant("seed", 7),
    )
    assert dict(space_of(given)) == {
        "lr": FloatDistribution(1e-5, 1e-1, log=True),
        "n": IntDistribution(1, 8),
        "opt": CategoricalDistribution(["adam", "sgd"]),
        "seed": CategoricalDistribution([7]),
    }
    for hyperparameter, problem in (
        (cs.Float("x", (0, 1), distribution=cs.Normal(0.5, 0.1)), "hyperparameter 'x': a NormalFloatHyperparameter"),
        (cs.Categorical("x", ["a", "b"], weights=[1, 2]), "hyperparameter 'x': choices with weights"),
        (cs.OrdinalHyperparameter("x", ["a", "b"]), "hyperparameter 'x': a OrdinalHyperparameter has no equal"),
    ):
        other = cs.ConfigurationSpace()
        other.add(hyperparameter)
        with pytest.raises(InvalidArgument, match=problem):
            space_of(other)
    conditional = cs.ConfigurationSpace()
    parent, child = cs.Categorical("opt", ["adam", "sgd"]), cs.Float("momentum", (0, 1))
    conditional.add(parent, child, cs.EqualsCondition(child, parent, "sgd"))
    with pytest.raises(InvalidArgument, match=r"the condition 'momentum .*' can't be part of a space here"):
        space_of(conditional)


def test_expressions_of_hyperopt():
    hp = pytest.importorskip("hyperopt").hp
    space = space_of(
        {
            "x": hp.uniform("x", -1, 1),
            "lr": hp.loguniform("lr", math.log(1e-5), math.log(1e-1)),
            "q": hp.quniform("q", 0, 10, 2),
            "m": hp.uniformint("m", 1, 9),
            "n": hp.randint("n", 5),
            "k": hp.randint("k", 2, 5),
            "opt": hp.choice("opt", ["adam", "sgd"]),
        }
    )
    assert space["lr"].log
    assert (space["lr"].low, space["lr"].high) == pytest.approx((1e-5, 1e-1))
    assert {name: each for name, each in space.items() if name != "lr"} == {
        "x": FloatDistribution(-1, 1),
        "q": FloatDistribution(0, 10, step=2),
        "m": IntDistribution(1, 9),
        "n": IntDistribution(0, 4),
        "k": IntDistribution(2, 4),
        "opt": CategoricalDistribution(["adam", "sgd"]),
    }
    for expression in (
        hp.normal("y", 0, 1),
        hp.quniform("y", 0, 1, 0.3),
        hp.pchoice("y", [(0.1, 1), (0.9, 2)]),
        hp.choice("y", [hp.uniform("z", 0, 1)]),
    ):
        with pytest.raises(InvalidArgument, match=r"parameter 'y': .*no equal here"):
            space_of({"y": expression})


def test_domains_of_ray():
    tune = pytest.importorskip("ray.tune")
    space = space_of(
        {
            "x": tune.uniform(-1, 1),
            "lr": tune.loguniform(1e-5, 1e-1),
            "q": tune.quniform(0, 10, 2),
            "n": tune.randint(1, 9),
            "m": tune.lograndint(1, 9),
            "k": tune.qrandint(0, 10, 5),
            "one": tune.qrandint(0, 10, 1),
            "opt": tune.choice(["adam", "sgd"]),
            "seed": tune.grid_search([1, 2]),
        }
    )
    assert dict(space) == {
        "x": FloatDistribution(-1, 1),
        "lr": FloatDistribution(1e-5, 1e-1, log=True),
        "q": FloatDistribution(0, 10, step=2),
        "n": IntDistribution(1, 8),
        "m": IntDistribution(1, 8, log=True),
        "k": IntDistribution(0, 10, step=5),
        "one": IntDistribution(0, 9),
        "opt": CategoricalDistribution(["adam", "sgd"]),
        "seed": CategoricalDistribution([1, 2]),
    }
    for domain in (
        tune.randn(0, 1),
        tune.sample_from(lambda: 1),
        tune.qloguniform(1, 10, 0.5),
    ):
        with pytest.raises(InvalidArgument, match="parameter 'y': "):
            space_of({"y": domain})
