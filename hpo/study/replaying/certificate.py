"""Certificates: one line that names a study's journal, versions and result, and that can be checked again."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import sys
from collections.abc import Sequence
from typing import Any

import attrs

from hpo.core import AnyEvent, best_trials, encode_events, replay
from hpo.errors import InvalidArgument
from hpo.study.replaying.verification import Verification, events_of, verify

_MARK = "hpo-certificate-1"
_PACKAGES = ("hpo", "python", "numpy", "scipy")


@attrs.frozen
class Certificate:
    """What a line in a paper's appendix says of a study.

    Attributes:
        n_events: How many events the journal had.
        versions: The versions of hpo, Python, numpy and scipy with which the study was verified, by name.
        verified: How many suggestions, decisions and promotions were computed again and found as recorded, and of how many.
        digest: SHA-256 of the journal, the versions and the result, as 64 hexadecimal digits.

    Example:
        >>> import hpo
        >>> given = certificate(hpo.create_study(seed=1))
        >>> Certificate.parse(str(given)) == given, given.n_events, given.verified
        (True, 1, (0, 0))
    """

    n_events: int
    versions: tuple[tuple[str, str], ...]
    verified: tuple[int, int]
    digest: str

    def __str__(self) -> str:
        versions = ",".join(f"{name}={version}" for name, version in self.versions)
        return f"{_MARK}:{self.n_events}:{versions}:{self.verified[0]}/{self.verified[1]}:{self.digest}"

    @classmethod
    def parse(cls, text: str) -> Certificate:
        """Return the certificate that was written as `text`; line breaks and spaces of a typesetter are ignored.

        Raises:
            InvalidArgument: it is not a certificate.
        """
        parts = "".join(text.split()).split(":")
        try:
            mark, n_events, versions, verified, digest = parts
            equal, computed = verified.split("/")
            pairs = tuple((name, version) for name, _, version in (each.partition("=") for each in versions.split(",")))
            if mark == _MARK and len(bytes.fromhex(digest)) == 32:
                return cls(int(n_events), pairs, (int(equal), int(computed)), digest)
        except ValueError:
            pass
        raise InvalidArgument(
            f"a certificate is a line that begins with {_MARK}: and ends with 64 digits, got {text!r}"
        )


@attrs.frozen
class Checked:
    """What became of a certificate.

    Attributes:
        problem: What does not agree, or None.
        other_versions: The packages that have another version here: name, version of the certificate, and version here.
        n_later: How many events the study has had since.
    """

    problem: str | None
    other_versions: tuple[tuple[str, str, str], ...]
    n_later: int


def certificate(source: Any, result: Verification | None = None) -> Certificate:
    """Return the certificate of a study that verifies.

    Args:
        source: A `Study`, a journal, or a sequence of events.
        result: What `verify` has returned for it, if it was called already.

    Raises:
        InvalidType: `source` has no events.
        InvalidArgument: something differs when it is computed again.

    Example:
        >>> import hpo
        >>> hpo.logging.set_verbosity(hpo.logging.WARNING)
        >>> study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), seed=1)
        >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=5)
        >>> line = str(certificate(study))
        >>> check_certificate(study, line).problem is None
        True
    """
    events = [*events_of(source)]
    verification = verify(events) if result is None else result
    if verification.first_difference is not None:
        raise InvalidArgument(
            f"the study does not verify, so there is no certificate: trial {verification.first_difference.trial} differs"
        )
    verified, versions = _verified(verification), versions_here()
    return Certificate(len(events), versions, verified, _digest(events, versions, verified))


def check_certificate(source: Any, line: str | Certificate) -> Checked:
    """Return whether a certificate belongs to a study, which may have gone on since then. Nothing is computed again.

    Args:
        source: A `Study`, a journal, or a sequence of events.
        line: The certificate, or the line that it was written as.

    Raises:
        InvalidType: `source` has no events.
        InvalidArgument: `line` is not a certificate.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(seed=1)
        >>> line = str(certificate(study))
        >>> study.set_user_attr("later", 1)
        >>> check_certificate(study, line).n_later
        1
        >>> check_certificate(hpo.create_study(seed=2), line).problem
        'the journal, the versions or the result are not those of the certificate'
    """
    given = line if isinstance(line, Certificate) else Certificate.parse(line)
    events = [*events_of(source)]
    here = dict(versions_here())
    others = tuple((name, then, here.get(name, "")) for name, then in given.versions if here.get(name) != then)
    later, problem = len(events) - given.n_events, None
    if later < 0:
        problem = f"the study has {len(events)} events, and the certificate is about {given.n_events}"
    elif _digest(events[: given.n_events], given.versions, given.verified) != given.digest:
        problem = "the journal, the versions or the result are not those of the certificate"
    return Checked(problem, others, max(later, 0))


def versions_here() -> tuple[tuple[str, str], ...]:
    """Return the versions of hpo, Python, numpy and scipy in this process."""
    known = {"hpo": sys.modules["hpo"].__version__, "python": platform.python_version()}
    return tuple((name, known.get(name) or importlib.metadata.version(name)) for name in _PACKAGES)


def _verified(result: Verification) -> tuple[int, int]:
    equal = result.n_suggestions_equal + result.n_decisions_equal + result.n_promotions_equal
    return equal, equal + result.n_skipped


def _digest(events: Sequence[AnyEvent], versions: tuple[tuple[str, str], ...], verified: tuple[int, int]) -> str:
    digest = hashlib.sha256()
    for event in events:
        digest.update(_canonical(event))
    best = [(trial.number, trial.values) for trial in best_trials(replay(events))]
    digest.update(json.dumps([versions, verified, best]).encode())
    return digest.hexdigest()


def _canonical(event: AnyEvent) -> bytes:
    """Return the written form of an event without empty fields at its end, which later versions may add."""
    (fields,) = json.loads(encode_events([event]))
    while fields[-1] in (None, [], False):
        fields.pop()
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"
