"""Events that are too many to write down: the same for the same count, on every machine."""
import json
import random

TYPES = ["page_view", "product_view", "add_to_cart", "purchase", "user.login", "error.timeout"]


def shop(count):
    dice = random.Random(7)
    events = []
    for i in range(count):
        kind = TYPES[min(int(dice.expovariate(0.7)), len(TYPES) - 1)]
        seconds = dice.randrange(90 * 86_400)
        event = {
            "event_id": f"e{i}",
            "event_type": kind,
            "timestamp": 1_704_067_200_000_000 + seconds * 1_000_000 + dice.randrange(1_000_000),
        }
        if dice.random() < 0.9:
            event["user_id"] = f"u{int(dice.paretovariate(0.6)) % 3_000}"
        if dice.random() < 0.3:
            event["country"] = dice.choice(["DE", "FR", "PE", "JP"])
        if kind == "purchase":
            event["value"] = dice.randrange(1, 100_000) / 8
        event["properties"] = {"n": dice.randrange(1_000), "cart": {"items": dice.randrange(9), "sku": f"sku-{dice.randrange(400)}"}}
        events.append(json.dumps(event))
    return events


KINDS = {"shop": shop}
