"""Another program on market:, written as Redis in Action writes its loops: WATCH, look, MULTI … EXEC, again on WatchError.

foreign_writer.py SOCKET DATABASE MARKET_KEY NAME PAUSE_MS: lists and unlists items of its own, "NAME-n.NAME", until SIGTERM; then it
takes the last one off and prints how many commits it made.
"""
import signal
import sys
import time

import redis


def toggle(conn, market, member, price):
    """Lists the member, or takes it off when it is there; returns True once EXEC did it, False on a conflict."""
    pipe = conn.pipeline()
    try:
        pipe.watch(market)
        listed = pipe.zscore(market, member) is not None
        pipe.multi()
        if listed:
            pipe.zrem(market, member)
        else:
            pipe.zadd(market, {member: price})
        pipe.execute()
        return True
    except redis.exceptions.WatchError:
        return False
    finally:
        pipe.reset()


def main(socket, database, market, name, pause_ms):
    conn, commits, stop = redis.Redis(unix_socket_path=socket, db=int(database)), 0, []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    while not stop:
        if toggle(conn, market, f"{name}-{commits // 2}.{name}", 5 + commits % 90):
            commits += 1
            time.sleep(float(pause_ms) / 1000)
    while commits % 2:
        commits += toggle(conn, market, f"{name}-{commits // 2}.{name}", 0)
    print(commits)


if __name__ == "__main__":
    main(*sys.argv[1:])
