"""The tables: studies, the events of all of them, and the workers on them that are alive.

All text is ASCII: JSON escapes everything else, including NUL. So what is stored does not depend on the encoding of a
database, and no collation takes ``A`` for ``a``, ``é`` for ``e`` or ``"a "`` for ``"a"``. There are no columns for
floats: they live in JSON alone, which keeps NaN, infinities and ``-0.0`` as they are.
"""

from __future__ import annotations

import json
import re
from hashlib import blake2b

from sqlalchemy import BigInteger, Column, ForeignKey, MetaData, String, Table, Text
from sqlalchemy.dialects.mysql import CHAR, LONGTEXT, VARCHAR

METADATA = MetaData()
"""The tables that are created in an empty database."""

_ASCII_TEXT = Text().with_variant(LONGTEXT(charset="ascii", collation="ascii_bin"), "mysql", "mariadb")
_ASCII_DIGEST = String(32).with_variant(CHAR(32, charset="ascii", collation="ascii_bin"), "mysql", "mariadb")

_ASCII_WORKER = String(64).with_variant(VARCHAR(64, charset="ascii", collation="ascii_bin"), "mysql", "mariadb")

STUDIES = Table(
    "hpo_studies",
    METADATA,
    Column("id", BigInteger, primary_key=True, autoincrement=False, comment="drawn at random, never used again"),
    Column("digest", _ASCII_DIGEST, nullable=False, unique=True, comment="of the name, BLAKE2b"),
    Column("name", _ASCII_TEXT, nullable=False, comment="as JSON"),
    Column("length", BigInteger, nullable=False, comment="events in the journal; writers lock this row"),
    mysql_engine="InnoDB",
)
"""One row per study. A name may be longer than an index takes, so its digest is what is unique."""

EVENTS = Table(
    "hpo_events",
    METADATA,
    Column("study_id", ForeignKey(STUDIES.c.id, ondelete="CASCADE"), primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False, comment="from 0 on, without gaps"),
    Column("payload", _ASCII_TEXT, nullable=False, comment="the event as JSON"),
    mysql_engine="InnoDB",
)
"""One row per event."""

WORKERS = Table(
    "hpo_workers",
    METADATA,
    Column("study_id", ForeignKey(STUDIES.c.id, ondelete="CASCADE"), primary_key=True),
    Column("worker", _ASCII_WORKER, primary_key=True),
    Column("expires", BigInteger, nullable=False, comment="milliseconds since 1970, by the server's clock"),
    Column("lasts", BigInteger, nullable=False, comment="milliseconds from a renewal on"),
    mysql_engine="InnoDB",
)
"""One row per worker that is alive, or was not given up yet. A row that was removed never comes back."""

_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


def ascii_json(text: bytes) -> bytes:
    r"""Return JSON in UTF-8 with everything that is not ASCII escaped: the same value, readable in any encoding.

    Example:
        >>> ascii_json('{"é": "a"}'.encode())
        b'{"\\u00e9": "a"}'
    """
    if text.isascii():
        return text
    return _NOT_ASCII.sub(lambda found: json.dumps(found[0])[1:-1], text.decode()).encode()


def name_to_text(name: str) -> str:
    r"""Return the name of a study as it is stored.

    Example:
        >>> name_to_text("a\0é ")
        '"a\\u0000\\u00e9 "'
    """
    return json.dumps(name)


def name_from_text(text: str) -> str:
    """Return the name of a study that is stored as `text`; the inverse of `name_to_text`."""
    return str(json.loads(text))


def name_digest(name: str) -> str:
    """Return the digest of a name of any length: 32 hexadecimal digits.

    Example:
        >>> name_digest("digits")
        '0534d7cd72bc5000ac3f20fa8fb9d89c'
    """
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
