"""Loading a long journal: the state that `replay` gives, with the trials as columns and not as objects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from msgspec.structs import replace

from hpo.core.evolve.transitions import replay
from hpo.core.memory import History, LazyList
from hpo.core.records import (
    AnyEvent,
    ParamsSuggested,
    Row,
    TableBuilder,
    TrialEnqueued,
    TrialFinished,
    TrialStarted,
)
from hpo.core.state import StudyState
from hpo.core.values import CategoricalDistribution, FrozenTrial, SearchSpace, TrialState


class Loader:
    """Folds the events of a long journal, batch by batch.

    Most events of most journals are of one kind of trial: started, given its parameters once, and finished. Such trials
    go from their events into columns, and no state and no trial is made in between. All other events are left to
    `evolve`, so that what an event means is written down there alone.

    Args:
        state: Where to begin; if not given, before the first event.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(sampler=hpo.samplers.RandomSampler())
        >>> study.enqueue_trial({"x": 0.5})
        >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
        >>> loader = Loader()
        >>> loader.add(study.events())
        >>> loader.state() == study.state
        True
    """

    def __init__(self, state: StudyState | None = None) -> None:
        state = StudyState() if state is None else state
        # Of the finished trials the state has none, so that those which `evolve` adds can be told from others.
        self._state = replace(state, finished=_NONE)
        self._finished = state.finished
        self._version, self._n_trials = state.version, state.n_trials
        # Trials that have started, and perhaps got parameters, while the loader watched; all others are in the state.
        self._started: dict[int, TrialStarted] = {}
        self._suggested: dict[int, tuple[TrialStarted, ParamsSuggested]] = {}
        # Trials that have finished in the usual way and are not in the table yet: it takes many at a time.
        self._rows: list[Row] = []
        self._used: dict[tuple[int, tuple[str, ...]], SearchSpace] = {}
        self._shapes: dict[int, _Shape] = {}
        self._learn_spaces()
        self._begin_table()

    def add(self, events: Iterable[AnyEvent]) -> None:
        """Fold in the next events.

        Raises:
            InconsistentEvents: one of them cannot follow the events before it.
        """
        # Every long journal comes through this loop with all of its events: so everything in it is a local variable.
        started, suggested, shapes = self._started, self._suggested, self._shapes
        version, n_trials, rows = self._version, self._n_trials, self._rows
        for event in events:
            if type(event) is TrialFinished:
                if event.number in suggested and self._is_usual(event):
                    rows.append((event, *suggested.pop(event.number)))
                    version += 1
                    if len(rows) == _ROWS:
                        self._tabulate()
                    continue
            elif type(event) is TrialStarted:
                # the next new number: whatever waits or runs has a smaller one
                if event.number == n_trials and event.origin is None:
                    started[n_trials] = event
                    n_trials += 1
                    version += 1
                    continue
            elif type(event) is ParamsSuggested:
                shape = shapes.get(event.space)
                if event.number in started and shape is not None and shape.fits(event.values):
                    suggested[event.number] = started.pop(event.number), event
                    version += 1
                    continue
            self._version, self._n_trials = version, n_trials
            self._evolve(event)
            version, n_trials = self._version, self._n_trials
        self._version, self._n_trials = version, n_trials

    def state(self) -> StudyState:
        """Return the state after all events that were added; more may be added afterwards."""
        for number in sorted((*self._started, *self._suggested)):
            self._settle(number)
        self._catch_up()
        self._end_table()
        return replace(self._state, finished=self._finished)

    def _is_usual(self, event: TrialFinished) -> bool:
        """Return whether a result is one float per objective, or none of a trial that is not complete."""
        if event.origin is not None or event.sem is not None or event.cost is not None or event.began is not None:
            return False
        values = event.values
        if values is None:
            return event.state is not TrialState.COMPLETE and event.state.is_finished()
        if len(values) != self._n_objectives or not event.state.is_finished():
            return False
        for value in values:  # noqa: SIM110 - all(...) with a generator takes four times as long
            if type(value) is not float or value != value:
                return False
        return True

    def _tabulate(self) -> None:
        """Put the trials that have finished in the usual way into the table."""
        rows, table = self._rows, self._table
        for (number, unused), some in groupby(rows, _space_and_unused):
            space = self._state.spaces.key_at(number)
            if not unused:
                table.add_usual(space, [*some])
                continue
            # parameters that the objective never asked for are dropped, as in `evolve`
            used = self._used.setdefault((number, unused), space.without(dict.fromkeys(unused)))
            places = [place for place, name in enumerate(space) if name in used]
            table.add_usual(
                used,
                [
                    (finished, started, replace(suggested, values=tuple([suggested.values[i] for i in places])))
                    for finished, started, suggested in some
                ],
            )
        rows.clear()

    def _evolve(self, event: AnyEvent) -> None:
        """Fold in an event of any kind, in its turn."""
        self._settle(getattr(event, "number", None))
        self._catch_up()
        # a trial that is forked looks its parent up, which may have finished
        before = self.state() if type(event) is TrialEnqueued and event.parent is not None else self._state
        after = replay((event,), before)
        if after.finished is not before.finished:
            self._tabulate()
            self._table.add(after.finished[-1])
        if after.directions != before.directions:  # a table has one width
            self._end_table()
        self._state = replace(after, finished=_NONE)
        self._version, self._n_trials = after.version, after.n_trials
        if after.spaces is not before.spaces:
            self._learn_spaces()
        if after.directions != before.directions:
            self._begin_table()

    def _settle(self, number: int | None) -> None:
        """Let the state have a running trial that only the loader knows so far."""
        if number in self._started:
            events: tuple[AnyEvent, ...] = (self._started.pop(number),)
        elif number in self._suggested:
            events = self._suggested.pop(number)
        else:
            return
        # a new trial has the next number, which this one had when it started; `_catch_up` sets it right again
        self._state = replay(events, replace(self._state, n_trials=number))

    def _catch_up(self) -> None:
        # the state has not seen all events, or it has seen some of them late
        if self._state.version != self._version or self._state.n_trials != self._n_trials:
            self._state = replace(self._state, version=self._version, n_trials=self._n_trials)

    def _learn_spaces(self) -> None:
        spaces = self._state.spaces
        for number in range(len(self._shapes), len(spaces)):
            self._shapes[number] = _Shape(spaces.key_at(number))

    def _begin_table(self) -> None:
        self._n_objectives = len(self._state.directions)
        self._table = TableBuilder(self._n_objectives)

    def _end_table(self) -> None:
        self._tabulate()
        if not len(self._table):
            return
        table = self._table.table()
        if len(self._finished):
            for trial in table.trials(0, len(table)):
                self._finished = self._finished.append(trial)
        else:
            self._finished = History(LazyList(table))
        self._begin_table()


class _Shape:
    """What the values of a suggestion must be like: how many, and which of them are places in a list of choices."""

    __slots__ = ("choices", "width")

    def __init__(self, space: SearchSpace) -> None:
        self.width = len(space)
        self.choices = [
            (place, len(dist.choices))
            for place, dist in enumerate(space.values())
            if type(dist) is CategoricalDistribution
        ]

    def fits(self, values: Sequence[int | float]) -> bool:
        """Return whether there is a value for each parameter, and a choice at each place."""
        if len(values) != self.width:
            return False
        for place, n in self.choices:  # noqa: SIM110 - all(...) with a generator takes four times as long
            if not 0 <= values[place] < n:
                return False
        return True


def _space_and_unused(row: Row) -> tuple[int, tuple[str, ...]]:
    return row[2].space, row[0].unused


_ROWS = 256
_NONE: History[FrozenTrial] = History()
