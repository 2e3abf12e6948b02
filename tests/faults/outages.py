"""Redis and PostgreSQL go away while senders go on."""

import signal
import time
from collections import Counter
from dataclasses import dataclass
from functools import partial

from bench.stack import Stack
from tests.faults.harm import every, wipe_redis
from tests.faults.ledger import Finding, audit, wait_until_worked
from tests.faults.sending import Answer, Senders, Sending, mixture, p99_ms

PER_S = 200
PER_S_WITHOUT_POSTGRES = 100


@dataclass(frozen=True)
class Outage:
    began_at: float
    ended_at: float

    @classmethod
    def of(cls, seconds: float) -> "Outage":
        """Lasts so long from now."""
        began_at = time.monotonic()
        time.sleep(seconds)
        return cls(began_at, time.monotonic())

    def saw(self, answer: Answer) -> bool:
        return self.began_at <= answer.begun_at and answer.ended_at <= self.ended_at


def redis_wiped(stack: Stack, scale: float) -> Finding:
    wiped_s, down_s = max(4.0, 30 * scale), max(3.0, 30 * scale)
    sendings = mixture("wiped", round(PER_S * (wiped_s + down_s + 2)))
    senders = Senders(stack, sendings, per_s=PER_S)
    with every(min(5.0, wiped_s / 4), partial(wipe_redis, stack)) as wipes:
        time.sleep(wiped_s)
    stack.engines.stop("redis", signal.SIGKILL)
    stack.engines.empty_redis()
    outage = Outage.of(down_s)
    stack.engines.start()
    finding = Finding(figures={"wipes": len(wipes), "down_s": down_s})
    _nothing_noticed(finding, senders.wait(), outage, p99_limit_ms=250)
    _nothing_lost(stack, finding, sendings, senders.answers)
    return finding


def redis_hung(stack: Stack, scale: float) -> Finding:
    hung_s = max(3.0, 20 * scale)
    sendings = mixture("hung", round(PER_S * (hung_s + 4)))
    senders = Senders(stack, sendings, per_s=PER_S)
    time.sleep(1)
    stack.engines.send("redis", signal.SIGSTOP)
    outage = Outage.of(hung_s)
    stack.engines.send("redis", signal.SIGCONT)
    finding = Finding(figures={"hung_s": hung_s})
    _nothing_noticed(finding, senders.wait(), outage, p99_limit_ms=400)
    _nothing_lost(stack, finding, sendings, senders.answers)
    return finding


def _nothing_noticed(
    finding: Finding, answers: list[Answer], outage: Outage, *, p99_limit_ms: float
) -> None:
    meanwhile = [answer for answer in answers if outage.saw(answer)]
    finding.some(answers_meanwhile=len(meanwhile))
    finding.zero(not_2xx=sum(not answer.accepted for answer in answers))
    finding.within("p99_ms_meanwhile", p99_ms(meanwhile), p99_limit_ms)


def _nothing_lost(
    stack: Stack, finding: Finding, sendings: list[Sending], answers: list[Answer]
) -> None:
    finding.within("drained_s", wait_until_worked(stack, within_s=120), 60)
    audit(stack, finding, sendings, answers)


def postgres_stopped(stack: Stack, scale: float) -> Finding:
    """First "fast", then "immediate", which is as a crash."""
    down_s = max(3.0, 10 * scale)
    deaths_before = len(stack.deaths)
    sendings = mixture("stopped", round(PER_S_WITHOUT_POSTGRES * (2 * down_s + 4)))
    senders = Senders(stack, sendings, per_s=PER_S_WITHOUT_POSTGRES)
    outages = []
    for signum in (signal.SIGINT, signal.SIGQUIT):
        time.sleep(1)
        stack.engines.stop("postgres", signum)
        outages.append(Outage.of(down_s))
        stack.engines.start()
    answers = senders.wait()
    finding = Finding(figures={"down_s": 2 * down_s})
    _all_told_to_come_again(finding, answers, outages)
    back_s = max(_first_accepted(answers, outage.ended_at) for outage in outages)
    finding.within("accepts_again_s", back_s, 5)
    _nothing_lost(stack, finding, sendings, answers)
    finding.zero(deaths=len(stack.deaths) - deaths_before)
    return finding


def _all_told_to_come_again(finding: Finding, answers: list[Answer], outages: list[Outage]) -> None:
    refused = [a for a in answers if any(outage.saw(a) for outage in outages)]
    finding.figures["answers"] = dict(Counter(a.error or str(a.status) for a in answers))
    finding.some(answers_meanwhile=len(refused))
    finding.zero(
        not_503=sum(answer.status not in (0, 503) for answer in refused),
        no_retry_after=sum(
            answer.status == 503 and answer.retry_after is None for answer in refused
        ),
        otherwise=sum(answer.status not in (0, 200, 503) for answer in answers),
    )
    # A 503 may be given before the body is read; then the server closes the kept connection,
    # and whatever was sent on it next was never taken.
    broken = sum(answer.status == 0 for answer in answers)
    finding.within("broken_percent", broken / len(answers) * 100, 1)
    slowest_s = max((answer.took_s for answer in answers if answer.status == 503), default=0.0)
    finding.within("slowest_503_s", slowest_s, 2.5)


def _first_accepted(answers: list[Answer], after: float) -> float:
    """How long after the end of the outage."""
    accepted = [a.ended_at for a in answers if a.accepted and a.ended_at > after]
    return min(accepted, default=float("inf")) - after
