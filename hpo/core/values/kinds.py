"""The class of the classes of distributions: subclasses with an ``__init__`` of their own make plain distributions."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

_STRUCT_CLASS: Any = type(Struct)


class KindOfDistribution(_STRUCT_CLASS):  # type: ignore[misc]
    """The class of `FloatDistribution`, `IntDistribution` and `CategoricalDistribution`.

    The kinds of distribution are closed, because journals name them. A program may still have a subclass that calls
    ``super().__init__`` with its own defaults. Objects of it are then objects of the kind itself; what else it defines is lost.

    Example:
        >>> from hpo.core.values.numeric import FloatDistribution
        >>> class Rate(FloatDistribution):
        ...     def __init__(self, high=0.1):
        ...         super().__init__(1e-5, high, log=True)
        >>> Rate()
        FloatDistribution(low=1e-05, high=0.1, log=True)
    """

    def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any) -> Any:
        """Return a kind of distribution, or what makes distributions of a kind."""
        kinds = [base for base in bases if isinstance(base, KindOfDistribution)]
        if not kinds or "__init__" not in namespace:
            return super().__new__(cls, name, bases, namespace, **options)
        made = type("_Unfinished", (_Unfinished,), {"kind": kinds[0]})
        return _Maker(name, tuple(made if base is kinds[0] else base for base in bases), namespace)


class _Maker(type):
    """The class of such subclasses: a call returns the distribution that ``super().__init__`` has made."""

    def __call__(cls, *arguments: Any, **options: Any) -> Any:
        unfinished = super().__call__(*arguments, **options)
        return unfinished._distribution  # noqa: SLF001


class _Unfinished(metaclass=_Maker):
    kind: Any

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._distribution = self.kind(*arguments, **options)

    def __getattr__(self, name: str) -> Any:
        if name == "_distribution":
            raise AttributeError(
                f"{type(self).__name__}.__init__ calls super().__init__ with the arguments of a distribution"
            )
        return getattr(self._distribution, name)
