# SPDX-License-Identifier: ISC
"""What the system tests share. See test/lib/instance.py."""

import os
import shutil
import sys

import pytest

sys.dont_write_bytecode = True
TEST = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, TEST)
sys.path.insert(0, os.path.join(TEST, "bench"))

from lib import instance, package_host  # noqa: E402
from lib.fakemaster import QueueProcess  # noqa: E402
import postfix_peer  # noqa: E402


INSTANCES = pytest.StashKey()


def pytest_configure(config):
    config.addinivalue_line("markers", "root: needs root")
    config.addinivalue_line("markers", "users: needs users of its own")
    config.addinivalue_line("markers", "peer: needs a Postfix to compare with")
    config.addinivalue_line("markers", "program(name): needs that program")


def why_not(mark):
    if mark.name == "root" and os.geteuid() != 0:
        return "needs root"
    if mark.name == "users" and not instance.can_have_users():
        return "needs root and mount namespaces"
    if mark.name == "peer":
        return postfix_peer.why_not()
    if mark.name == "program" and not shutil.which(mark.args[0]):
        return f"needs {mark.args[0]}"
    return None


def pytest_runtest_setup(item):
    for mark in item.iter_markers():
        reason = why_not(mark)
        if reason:
            pytest.skip(reason)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """A failure shows what the instances said."""
    report = (yield).get_result()
    if report.when != "call" or not report.failed:
        return
    for one in item.stash.get(INSTANCES, []):
        report.sections.append((
            f"{one.home}", one.output()
            + "\n".join(one.log_lines()[-40:])))


@pytest.fixture
def make_instance(request):
    """instance.Instance, all of which end with the test."""
    made = request.node.stash[INSTANCES] = []

    def make(*args, **options):
        made.append(instance.Instance(*args, **options))
        return made[-1]
    yield make
    for one in made:
        one.destroy()


@pytest.fixture
def mail(make_instance):
    """One that runs, for whoever we are."""
    one = make_instance()
    one.start()
    return one


@pytest.fixture
def make_queue(tmp_path):
    """Queue processes among partners that the test plays."""
    made = []

    def make(**options):
        made.append(QueueProcess(tmp_path / f"queue{len(made)}", **options))
        made[-1].start()
        return made[-1]
    yield make
    for q in made:
        q.destroy()


@pytest.fixture
def q(make_queue):
    return make_queue()


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    """The Debian package."""
    return package_host.build(tmp_path_factory.mktemp("deb"))
