"""Origins, which say where a command came from, and artifacts, the files that belong to a study."""

from __future__ import annotations

from msgspec import Struct

from hpo.core.values.checks import as_int, checked_text
from hpo.errors import InvalidArgument, InvalidType


class Origin(Struct, frozen=True, array_like=True):
    """The origin of a command: its author, the client that sent it, and the key of the request.

    Args:
        author: The person or program that wanted the change, for example ``"ann"``; None if it is not known.
        client: The client that sent it, for example ``"dashboard-2"``, so that a client that comes back finds what it
            did before.
        request: A key that the client chose for this very request. A command whose key the study has seen already
            changes nothing, so a request that is sent twice is carried out once.

    Example:
        >>> Origin(author="ann", request="7f3a").author
        'ann'
    """

    author: str | None = None
    client: str | None = None
    request: str | None = None


class Artifact(Struct, frozen=True, array_like=True):
    """The record of a file in a study, which is enough to find it in a store and to check it.

    Args:
        id: The name under which the store keeps the file; equal content may have equal ids.
        name: The file's name, for people.
        size: Its length in bytes, or None.
        sha256: The SHA-256 of its content as 64 hexadecimal digits, or None.
        media_type: For example ``"image/png"``, or None.
        encoding: For example ``"gzip"``, or None.
        store: The URL of the store, or None where the study's user knows it.

    Example:
        >>> Artifact("3f786850", "model.pkl", size=2).name
        'model.pkl'
    """

    id: str
    name: str
    size: int | None = None
    sha256: str | None = None
    media_type: str | None = None
    encoding: str | None = None
    store: str | None = None


def checked_origin(origin: object) -> Origin | None:
    """Return `origin` with builtin strings, or None if all of its fields are None.

    Raises:
        InvalidType: it is not an `Origin`, or one of its fields is not a string.
    """
    if origin is None:
        return None
    if not isinstance(origin, Origin):
        raise InvalidType(f"an origin is an hpo.Origin or None, got {origin!r}")
    fields = origin.author, origin.client, origin.request
    if fields == (None, None, None):  # events end before an origin of None, which keeps journals short
        return None
    names = "an author", "a client's id", "a request key"
    return Origin(*(None if f is None else checked_text(f, n) for f, n in zip(fields, names, strict=True)))


def checked_artifact(artifact: object) -> Artifact:
    """Return `artifact` with builtin values.

    Raises:
        InvalidType: it is not an `Artifact`, or one of its fields has another type.
        InvalidArgument: its id or name is empty, or its size is negative.
    """
    if not isinstance(artifact, Artifact):
        raise InvalidType(f"an artifact is an hpo.Artifact, got {artifact!r}")
    size = None if artifact.size is None else as_int(artifact.size)
    if artifact.size is not None and size is None:
        raise InvalidType(f"an artifact's size is a number of bytes or None, got {artifact.size!r}")
    if size is not None and size < 0:
        raise InvalidArgument(f"an artifact's size is at least 0 bytes, got {size}")
    if not artifact.id or not artifact.name:
        raise InvalidArgument(f"an artifact needs an id and a name, got {artifact!r}")
    optional = (artifact.sha256, artifact.media_type, artifact.encoding, artifact.store)
    return Artifact(
        checked_text(artifact.id, "an artifact's id"),
        checked_text(artifact.name, "an artifact's name"),
        size,
        *(None if text is None else checked_text(text, "a field of an artifact") for text in optional),
    )
