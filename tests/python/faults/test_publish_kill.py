"""kill -9 at every step of the publish protocol: the target equals the source in the end, and the ledger
has one row a publish id.

ASSAY_PUBLISH_KILLS   how many kills over both databases and all modes (default 60; `make`'s thousand:
                      ASSAY_PUBLISH_KILLS=1000)
ASSAY_SEED            the order of the moments, to repeat a run
"""
import os
import random
import signal
import time

import pytest

from publishing import KINDS, MODES, Orders, check_ledger

KILLS = int(os.environ.get("ASSAY_PUBLISH_KILLS", "60"))
ROUNDS = max(1, KILLS // (len(KINDS) * len(MODES)))
IDLE_ABORT = 0.2


class PostgresMoments:
    """Kills at the n-th statement that reaches a proxy, before or after the server has it."""

    def __init__(self, request, site):
        self.proxy = request.getfixturevalue("postgres").proxy()
        self.site = site

    def connection(self):
        return self.site.connection(port=self.proxy.port)

    def begin(self):
        self.proxy.reset()

    def statements(self):
        return len(self.proxy.statements)

    def kill_at(self, number, executed, start):
        """Starts a process and kills it at that statement; its Popen."""
        process = start()
        self.proxy.at(number, process.kill, forward=executed)
        return process

    def settle(self):
        self.proxy.cut_all()
        self.proxy.reset()

    def report(self):
        return f"the proxy saw {self.proxy.statements[-5:]}"


class SnowflakeMoments:
    """Kills while the stand-in holds the n-th statement; then it executes it, or never does."""

    def __init__(self, request, site):
        self.server = request.getfixturevalue("snowflake")
        self.server.settings(idle_abort=IDLE_ABORT)
        self.site = site

    def connection(self):
        return self.site.connection()

    def begin(self):
        self.server.clear()

    def statements(self):
        return len(self.server.statements())

    def kill_at(self, number, executed, start):
        rule = {"do": "slow", "seconds": 0.15} if executed else {"do": "hang"}
        self.server.fault(match=".", nth=number, **rule)
        process = start()
        while process.poll() is None and self.server.faults()[0]["fired"] == 0:
            time.sleep(0.005)
        process.kill()
        return process

    def settle(self):
        self.server.clear()

    def report(self):
        return self.server.report()


MOMENTS = {"postgres": PostgresMoments, "snowflake": SnowflakeMoments}


class Campaign:
    """One target in one mode, killed again and again, each time in a new generation."""

    def __init__(self, request, project, site, mode):
        self.moments = MOMENTS[site.kind](request, site)
        self.orders = Orders(project, site, mode, rows=40, connection=self.moments.connection())
        self.orders.project.write("config/storage.yaml", {"format": "iceberg", "warehouse": "lake",
                                                          "keep": {"snapshots": 5, "days": 0}})
        self.site = site
        self.number = 0
        self.seconds = 0.0
        self.steps = 0

    def start(self):
        return self.orders.project.assay.start("run", cwd=self.orders.project.root, env=self.site.env)

    def undisturbed(self, runs=2):
        """Runs that nobody kills: how many statements one has, and how long it takes."""
        for _ in range(runs):
            self.orders.generation(self.number)
            self.moments.begin()
            begin = time.monotonic()
            result = self.orders.run()
            assert result.code == 0, result
            self.seconds = time.monotonic() - begin
            self.steps = self.moments.statements()
            self.number += 1
        self.orders.check()

    def kill(self, step, executed, chance):
        """One generation whose run is killed at a statement, or (step 0) at any moment."""
        before = self.orders.expected()
        self.orders.generation(self.number)
        self.number += 1
        self.moments.begin()
        if step > 0:
            process = self.moments.kill_at(step, executed, self.start)
        else:
            process = self.start()
            time.sleep(chance.uniform(0.0, self.seconds))
            process.kill()
        out, err = process.communicate(timeout=120)
        self.moments.settle()
        seen = self.orders.seen()
        assert seen in (before, self.orders.expected()), "a part of a publication is visible"
        return process.returncode == -signal.SIGKILL

    def finish(self):
        result = self.orders.run()
        assert result.code == 0, result
        self.orders.check()
        if self.left():
            # Killed between COMMIT and the end: the next publication tidies up behind it.
            self.undisturbed(1)
            assert self.left() == []

    def left(self):
        """Staging tables and files, there and here."""
        here = (self.orders.project.root / ".assay").glob("*/tmp/**/*.parquet")
        return self.site.staging() + list(here)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_publisher_that_is_killed_at_any_step(project, sites, request, kind, mode):
    seed = int(os.environ.get("ASSAY_SEED", time.time_ns() % 1000000))
    chance = random.Random(seed)
    campaign = Campaign(request, project, sites(kind), mode)
    campaign.undisturbed()
    moments = [(step, executed) for step in range(1, campaign.steps + 1) for executed in (True, False)]
    moments += [(0, False)] * (len(moments) // 2)
    chance.shuffle(moments)
    killed = 0
    for turn in range(ROUNDS):
        step, executed = moments[turn % len(moments)]
        try:
            killed += campaign.kill(step, executed, chance)
            campaign.finish()
        except AssertionError as error:
            raise AssertionError(f"ASSAY_SEED={seed}, kill {turn + 1}, statement {step} of "
                                 f"{campaign.steps}, executed: {executed}\n{error}\n"
                                 f"{campaign.moments.report()}") from error
    print(f"{kind} {mode}: {killed} of {ROUNDS} killed in {campaign.steps} statements, ASSAY_SEED={seed}")
    assert check_ledger(campaign.site) >= 2
    assert killed >= ROUNDS // 2, (killed, ROUNDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_publisher_that_is_killed_just_before_and_just_after_commit(project, sites, request, kind):
    campaign = Campaign(request, project, sites(kind), "merge")
    campaign.undisturbed()
    texts = (campaign.moments.proxy.statements if kind == "postgres"
             else campaign.moments.server.statements())
    commits = [i for i, sql in enumerate(texts, start=1) if sql.upper().startswith("COMMIT")]
    assert commits, texts
    chance = random.Random(1)
    for step in commits:
        for executed in (False, True):
            before = campaign.orders.expected()
            assert campaign.kill(step, executed, chance)
            if step == commits[-1]:
                expected = campaign.orders.expected() if executed else before
                assert publishing_seen(campaign, expected) == expected
            campaign.finish()


def publishing_seen(campaign, expected):
    """What is there, once the server is through with what it was sent."""
    end = time.monotonic() + 5
    while campaign.orders.seen() != expected and time.monotonic() < end:
        time.sleep(0.05)
    return campaign.orders.seen()
