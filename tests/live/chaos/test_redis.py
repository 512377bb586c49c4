"""Redis fails over, dies, fills its disk, loses its user's rights or its connections, under several daemons and load."""
import os
import re
import signal

import pytest
from arrows import Arrow
from disk import SmallDisk
from faults import NoReplies
from play import Play
from process import until
from redisserver import RedisServer
from replica import Pair
from switch import Switch


class Scene:
    """A pair of Redis servers behind a switch, with a play; with replicas:1 unless told otherwise."""

    def __init__(self, stage, room, durability="replicas:1", **options):
        self.pair = Pair(room / "redis", **options).start()
        self.switch = Switch(self.pair.master.port).__enter__()
        try:
            self.play = Play(stage.cluster, self.pair.master, room, settings={"redis.address": self.switch.address, "redis.durability": durability})
        except BaseException:
            self.__exit__(True)
            raise

    def __enter__(self):
        self.play.__enter__()
        return self

    def __exit__(self, kind, *_):
        if hasattr(self, "play"):
            self.play.__exit__(kind)
        self.switch.__exit__()
        self.pair.kill()

    def promote(self):
        """The replica is the master from now on, and new connections go there."""
        self.pair.promote()
        self.switch.point(self.pair.master.port)
        self.play.market.redis = self.pair.master.client()


def failover_of_a_dead_master(stage, room):
    """With WAIT for the one replica nothing that was published is lost, however often the master dies under load."""
    with Scene(stage, room) as scene:
        for _ in range(2):
            scene.pair.master.kill()
            scene.promote()
            scene.pair.replica.start()
            scene.pair.follow()
            scene.play.goes_on()
        scene.play.audit()


def failover_of_a_master_that_lives_on(stage, room):
    """The daemons stay connected to a master that was passed by: it confirms nothing any more, and nothing that it takes is published."""
    with Scene(stage, room) as scene:
        scene.pair.promote()
        old = scene.pair.replica
        for daemon in scene.play.daemons:
            daemon.wait_for("not yet as durable as configured", 90)
        scene.switch.point(scene.pair.master.port)
        scene.play.market.redis = scene.pair.master.client()
        with old.client() as client:
            client.replicaof("127.0.0.1", str(scene.pair.master.port))
        scene.play.goes_on()
        scene.play.audit()


def failover_to_a_replica_that_lacks_the_end(stage, room):
    """Without durability published outcomes can be lost in a failover: it is noticed, all halts, and goes on under a new incarnation."""
    with Scene(stage, room, durability="none") as scene:
        with scene.pair.replica.client() as client:
            client.replicaof("NO", "ONE")
        scene.play.goes_on(200)
        scene.pair.master.kill()
        scene.promote()
        for daemon in scene.play.daemons:
            daemon.wait_for("error refused: .*(rollback|halted)", 120)
        assert "rollback" in scene.play.market.meta()["halt"]
        said = scene.play.resolve()
        assert "were published and will be decided a second time" in said
        scene.play.audit(incarnations=2, rolled_back=True)


def master_back_with_an_older_snapshot(stage, room):
    server = RedisServer(room / "redis", tcp=True).start()
    try:
        with Play(stage.cluster, server, room) as play:
            with server.client() as client:
                client.save()
            play.goes_on(200)
            server.kill()
            server.start()
            for daemon in play.daemons:
                daemon.wait_for("error refused: .*(rollback|halted)", 120)
            assert "were published and will be decided a second time" in play.resolve()
            play.audit(incarnations=2, rolled_back=True)
    finally:
        server.kill()


def master_killed_with_its_append_only_file(stage, room):
    """kill -9 of the process loses nothing that was written to the file, whatever fsync does."""
    server = RedisServer(room / "redis", tcp=True, appendonly="yes", appendfsync="everysec").start()
    try:
        with Play(stage.cluster, server, room, settings={"redis.durability": "none"}) as play:
            for _ in range(3):
                server.kill()
                server.start()
                play.goes_on(150)
            play.audit()
    finally:
        server.kill()


def disk_full(stage, room, fsync):
    """The append-only file finds no room: Redis refuses writes (everysec) or ends (always). The events wait and nothing is lost."""
    disk = SmallDisk(room / "disk", megabytes=8)
    server = RedisServer(disk.directory, tcp=True, appendonly="yes", appendfsync=fsync, auto_aof_rewrite_percentage="0", logfile="")
    try:
        with Play(stage.cluster, server.start(), room, settings={"redis.durability": "aof" if fsync == "always" else "none"}) as play:
            for _ in range(2):
                disk.fill()
                if fsync == "always":
                    until(lambda: server.process.poll() is not None, 90, "redis does not mind a full disk")
                else:
                    play.daemons[0].wait_for("MISCONF", 90)
                    play.stands_still()
                disk.empty()
                if fsync == "always":
                    server.start()
                play.goes_on()
            play.audit()
    finally:
        server.kill()
        disk.close()


def disk_full_refused(stage, room):
    disk_full(stage, room, "everysec")


def disk_full_ended(stage, room):
    disk_full(stage, room, "always")


class Guarded:
    """A Redis whose daemons are the user orderd, behind a switch, with a play."""

    ALL = ("on", ">word", "~*", "&*", "+@all")

    def __init__(self, stage, room, **options):
        self.server = RedisServer(room / "redis", tcp=True).start()
        self.admin = self.server.client()
        self.rights(*self.ALL)
        password = room / "password"
        password.write_text("word\n")
        password.chmod(0o600)
        self.switch = Switch(self.server.port).__enter__()
        self.play = Play(stage.cluster, self.server, room, settings={
            "redis.address": self.switch.address, "redis.user": "orderd", "redis.password_file": str(password)}, **options)

    def rights(self, *words):
        self.admin.execute_command("ACL", "SETUSER", "orderd", *words)

    def __enter__(self):
        self.play.__enter__()
        return self

    def __exit__(self, kind, *_):
        self.play.__exit__(kind)
        self.switch.__exit__()
        self.server.kill()


def rights_removed_and_given_back(stage, room):
    """Reading, WATCH, queueing, EXEC: nothing is applied, the daemons wait or stop with 77, and go on when they are allowed again."""
    with Guarded(stage, room) as scene:
        for right in ("hmget", "watch", "xadd", "exec"):
            scene.rights(f"-{right}")
            until(lambda: 77 in [daemon.exit_code for daemon in scene.play.daemons], 90, "nobody minds")
            scene.play.stands_still()
            assert {daemon.exit_code for daemon in scene.play.daemons} <= {77, None}
            scene.rights(f"+{right}")
            scene.play.start()
            scene.play.goes_on()
        scene.play.audit()


def user_deleted_and_made_again(stage, room):
    with Guarded(stage, room) as scene:
        scene.admin.execute_command("ACL", "DELUSER", "orderd")
        scene.play.stands_still()
        scene.rights(*Guarded.ALL)
        scene.play.start()
        scene.play.goes_on()
        scene.rights("resetpass", ">other")
        scene.admin.client_kill_filter(_type="normal", skipme=True)
        scene.play.stands_still()
        scene.rights(">word")
        scene.play.start()
        scene.play.goes_on()
        scene.play.audit()


def torn_by_a_right(stage, room, arrow=None):
    """A right is taken between queueing and EXEC: a part is applied. All halts; what lacks is named, and filled by the command.

    With an arrow the daemon dies while it notes that: the hole is found by whoever comes next. One partition: how decisions without
    outcomes of several stood to each other nobody could say.
    """
    with Guarded(stage, room, instances=1, partitions=1) as scene:
        daemon, market = scene.play.daemons[0], scene.play.market
        if arrow:
            assert daemon.stop() == 0
            daemon.start(environment=arrow.environment())
        scene.switch.part(lambda: parted(scene))
        until(lambda: scene.switch.quiet, 90, "no transaction came by")
        if arrow:
            assert daemon.wait_exit(90) == -signal.SIGKILL, daemon.tail()
        else:
            daemon.wait_for("error refused: .*halted: torn", 90)
        scene.rights(*Guarded.ALL)
        told = scene.play.told()
        lost = set(torn_offsets(market))
        scene.play.start() if arrow is None else daemon.start(wait=False)
        assert lost or arrow
        said = scene.play.resolve()
        lost = {(market.source, int(p), o) for p, a, b in re.findall(r":(\d+): offsets (\d+) to (\d+)[^\n]*(?:lost|missing|without)", said)
                for o in range(int(a), int(b) + 1)} or lost
        assert lost and scene.play.told() >= told, said
        scene.play.audit(lost=lost)


def parted(scene):
    """Everything is queued, one right goes."""
    until(lambda: any(c["user"] == "orderd" and int(c["multi"]) > 2 for c in scene.admin.client_list()), 60, "nothing is queued")
    scene.rights("-xadd")


def torn_offsets(market):
    for daemon in market.daemons:
        for p, a, b in re.findall(r"applied in part topic=\S+ partition=(\d+) from=(\d+) to=(\d+)", daemon.whole_log()):
            yield from ((market.source, int(p), o) for o in range(int(a), int(b)))


def connections_fail(stage, room):
    """Resets in the middle of commands and replies, replies lost, late and dropped by the kernel, each part frozen."""
    with Scene(stage, room) as scene:
        play, switch = scene.play, scene.switch
        for _ in range(3):
            for direction in ("command", "reply"):
                switch.reset(direction)
                until(lambda: switch.quiet, 60, "nothing came by")
                play.goes_on(30)
        for how in ("lost", "mute", "cut", "late"):
            switch.strike(how, b"EXEC")
            until(lambda: not switch.armed, 60, "no EXEC came by")
            play.goes_on(30)
            switch.heal()
        for server, said in ((scene.pair.master, "no answer in time"), (scene.pair.replica, "not yet as durable as configured")):
            with play.says_again(said):
                server.freeze()
            server.thaw()
            play.goes_on(30)
        play.audit()


def replies_dropped(stage, room):
    with Scene(stage, room) as scene:
        for cut in (lambda: NoReplies(scene.pair.master.port), scene.pair.cut, lambda: NoReplies(scene.pair.master.port)):
            with cut():
                scene.play.stands_still()
            until(scene.pair.in_step, 60, "the replica does not follow")
            scene.play.goes_on()
        scene.play.audit()


ROOT_ONLY = {"disk_full_refused", "disk_full_ended", "replies_dropped"}
PLAYS = {play.__name__: play for play in (
    failover_of_a_dead_master, failover_of_a_master_that_lives_on, failover_to_a_replica_that_lacks_the_end, master_back_with_an_older_snapshot,
    master_killed_with_its_append_only_file, disk_full_refused, disk_full_ended, rights_removed_and_given_back, user_deleted_and_made_again,
    torn_by_a_right, connections_fail, replies_dropped)}
TORN = [Arrow(step, side) for step in ("torn.send", "torn.receive", "halt.send", "halt.receive") for side in ("before", "after")]
PLAYS |= {f"{a.step}:{a.side}": lambda stage, room, a=a: torn_by_a_right(stage, room, a) for a in TORN}


@pytest.mark.parametrize("name", PLAYS)
def test_with_load_and_several_daemons(request, name):
    if name in ROOT_ONLY and os.geteuid() != 0:
        pytest.skip("needs root: mount and iptables")
    request.getfixturevalue("plays")[name].result()
