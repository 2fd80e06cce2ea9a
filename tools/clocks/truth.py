"""The true response times of a run, from the log of the server and from the schedule of the users."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from tools.clocks.log import ATTACH, Exchange
from tools.clocks.pathologies import BASE, Message, Rule

STATISTICS = {"p50": 50.0, "p95": 95.0, "p99": 99.0, "max": 100.0}


@dataclass(frozen=True)
class Client:
    """How users send, as far as it matters for the times.

    Attributes:
        rate: Messages a second of each user.
        window: Messages of a user that may be in flight.
        list_every: One message in so many is a list, which the rule does not concern; 0 for none.
        deadline: Seconds after which a user gives up an answer; infinite for never.
        back_off: Seconds for which a user sends nothing after a failure.
        in_order: Whether an answer belongs to the oldest message in flight, so that the answer after a lost one is
            taken for it, shows the loss, and ends the connection; the user goes on when it is attached again.
    """

    rate: float
    window: int
    list_every: int = 0
    deadline: float = math.inf
    back_off: float = 0.0
    in_order: bool = False


def logged_times(log: Iterable[Exchange]) -> list[float | None]:
    """Return the times from arrival to departure at the server in the order of arrival, None for a lost answer.

    This is the truth about a closed run.
    """
    ordered = sorted(log, key=lambda one: one.arrival)
    return [None if one.departure is None else one.departure - one.arrival for one in ordered]


@dataclass
class _User:
    """A user in the replay.

    Attributes:
        client: How the user sends.
        start: Scheduled time of the first message.
        number: Number of the next message, lists included.
        index: Number of the next message, lists not included.
        ends: Times at which messages made room for others.
        attached: Times at which the server accepted a socket of the user, in order.
        has_loss: Whether an answer is lost and the user has yet to notice it.
    """

    client: Client
    start: float
    number: int = 0
    index: int = 0
    ends: list[float] = field(default_factory=list)
    attached: list[float] = field(default_factory=list)
    has_loss: bool = False

    @property
    def scheduled(self) -> float:
        """Scheduled time of the next message."""
        return self.start + self.number / self.client.rate

    @property
    def sends_at(self) -> float:
        """Time at which the next message is sent: as scheduled, or once the window has room."""
        window = self.client.window
        return max(self.scheduled, self.ends[-window] if len(self.ends) >= window else 0.0)

    @property
    def is_list(self) -> bool:
        """Whether the next message is a list."""
        return bool(self.client.list_every) and (self.number + 1) % self.client.list_every == 0

    def send(self, end: float | None, sent: float) -> bool:
        """Note the next message as sent.

        Args:
            end: Time of the answer, None if it is lost.
            sent: Time of sending.

        Returns:
            Whether the user measures the time of the answer.
        """
        client, is_measured = self.client, end is not None and not self.is_list
        if self.has_loss and end is not None:  # it is taken for the lost answer, and the connection ends
            again = next((at for at in self.attached if at > end), end + client.back_off)
            self.ends, self.has_loss, is_measured = [again] * client.window, False, False
        elif end is None and client.in_order:
            self.has_loss = True
            self.ends.append(sent)
        else:
            self.ends.append(sent + client.deadline + client.back_off if end is None else end)
        self.index += not self.is_list
        self.number += 1
        return is_measured


def scheduled_times(
    log: Sequence[Exchange], rule: Rule, clients: Mapping[str, Client], end: float
) -> dict[str, list[float | None]]:
    """Return what users who keep their schedule measure: the truth about an open run.

    A user sends a message at its scheduled time, or once the window has room, and nothing else keeps it from that.
    The answer leaves when the rule says, plus what the server itself was late with that very message.

    Args:
        log: Exchanges of the run.
        rule: Rule of the server, new.
        clients: Type of message to how its users send.
        end: End of the run, seconds since its first user began; nothing is sent after it.

    Returns:
        Type of message to the times from schedule to answer in the order of the schedule, None where a user measures
        none: the answer is lost, or the connection ends before it.
    """
    late = {
        (one.series, one.user, one.index): one.departure - one.planned
        for one in log
        if one.departure is not None and one.planned is not None
    }
    users: dict[tuple[str, int], _User] = {}
    attached: dict[int, list[float]] = {}
    for one in sorted(log, key=lambda one: one.arrival):
        if one.series == ATTACH:
            attached.setdefault(one.user, []).append(one.arrival if one.departure is None else one.departure)
        elif one.series in clients:
            client = clients[one.series]
            user = _User(client, one.arrival, attached=attached.get(one.user, []) if client.in_order else [])
            users.setdefault((one.series, one.user), user)
    upcoming = [(user.start, name) for name, user in users.items()]
    heapq.heapify(upcoming)
    found: dict[str, list[tuple[float, float | None]]] = {series: [] for series in clients}
    while upcoming:
        sent, (series, number) = heapq.heappop(upcoming)
        if sent >= end:
            continue  # the run is over
        user = users[series, number]
        scheduled, delay = user.scheduled, late.get((series, number, user.index), 0.0)
        answered, is_list = _answered(user, number, sent, rule, delay), user.is_list
        is_measured = user.send(answered, sent)
        if not is_list:
            found[series].append((scheduled, answered - scheduled if is_measured and answered is not None else None))
        heapq.heappush(upcoming, (user.sends_at, (series, number)))
    return {series: [time for _, time in sorted(entries, key=itemgetter(0))] for series, entries in found.items()}


def _answered(user: _User, number: int, sent: float, rule: Rule, delay: float) -> float | None:
    """Return when a message is answered, None for never."""
    if user.is_list:
        return sent + BASE
    end = rule(Message(number, user.index, sent))
    # Answers of one connection leave in the order of the messages.
    return None if end is None else max(end, max(user.ends[-1:], default=0.0)) + delay


def statistics(times: Iterable[float | None]) -> dict[str, float]:
    """Return the percentiles and the maximum of times, seconds: the smallest that enough of them do not exceed."""
    ordered = sorted(time for time in times if time is not None)
    ranks = {name: max(math.ceil(percent * len(ordered) / 100 - 1e-9), 1) for name, percent in STATISTICS.items()}
    return {name: ordered[rank - 1] for name, rank in ranks.items()}
