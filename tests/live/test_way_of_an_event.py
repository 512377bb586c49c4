"""The whole way of an event: in by Kafka, applied in Redis, told by an outcome."""
import json
import re

from market import deposit, event, grant, list_, purchase, reserve, restock, unlist


def test_the_figures_of_redis_in_action(market):
    market.redis.hset(market.key("users:17"), mapping={"name": "Frank", "funds": 43})
    market.redis.sadd(market.key("inventory:17"), "ItemL", "ItemM", "ItemN")
    market.redis.hset(market.key("users:27"), mapping={"name": "Bill", "funds": 125})
    market.redis.sadd(market.key("inventory:27"), "ItemO", "ItemP", "ItemQ")
    daemon = market.daemon()
    listed, bought = market.play([list_("17", "ItemM", 97), purchase("27", "17", "ItemM", 97)])
    assert listed.facts == {"price": 97, "seller_holds": [True, False]}
    assert bought.facts == {"price": 97, "buyer_funds": [125, 28], "seller_funds": [43, 140]}
    assert (market.funds("17"), market.funds("27")) == (140, 28)
    assert market.holds("27", "ItemM") and not market.holds("17", "ItemM") and market.listed("ItemM", "17") is None
    assert market.redis.hget(market.key("users:17"), "name") == "Frank"
    market.audit()
    assert daemon.stop() == 0
