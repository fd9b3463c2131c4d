"""An outside judge of the MQTT listener: python3-paho-mqtt does what its users do.

mqtt_paho.py PORT TOKEN VERSION [tls CA | ws]   (version 4 or 5); ends with 0 if all of it holds.
"""
import queue
import sys

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

PORT, TOKEN, VERSION = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
OVER = sys.argv[4] if len(sys.argv) > 4 else "tcp"
ROOT = f"paho{VERSION}{OVER}"
WAIT = 20


class Far:
    """A client whose answers are waited for, one queue a kind."""

    def __init__(self, name, keep=False, will=None):
        self.events = {kind: queue.Queue() for kind in ("connect", "message", "subscribe", "publish")}
        five = VERSION == 5
        self.client = mqtt.Client(f"{ROOT}-{name}", protocol=VERSION, transport="websockets" if OVER == "ws" else "tcp",
                                  **({} if five else {"clean_session": not keep}))
        if OVER == "tls":
            self.client.tls_set(sys.argv[5])
        if OVER == "ws":
            self.client.ws_set_options(path="/mqtt")
        self.client.username_pw_set("u", TOKEN)
        self.client.on_connect = lambda c, u, flags, code, *rest: self.put("connect", (flags, code))
        self.client.on_message = lambda c, u, m: self.put("message", (m.topic, m.payload.decode(), m.qos, m.retain))
        self.client.on_subscribe = lambda c, u, mid, codes, *rest: self.put("subscribe", codes)
        self.client.on_publish = lambda c, u, mid, *rest: self.put("publish", mid)
        if will:
            self.client.will_set(*will)
        more = {}
        if five:
            more = {"clean_start": not keep, "properties": Properties(PacketTypes.CONNECT)}
            if keep:
                more["properties"].SessionExpiryInterval = 600
        self.client.connect("localhost", PORT, 60, **more)
        self.client.loop_start()
        flags, code = self.get("connect")
        assert code == 0, code
        self.present = flags["session present"]

    def put(self, kind, value):
        self.events[kind].put(value)

    def get(self, kind):
        return self.events[kind].get(timeout=WAIT)

    def subscribe(self, topic, qos):
        self.client.subscribe(topic, qos)
        return [int(str(code.value if hasattr(code, "value") else code)) for code in self.get("subscribe")]

    def publish(self, topic, payload, qos, retain=False):
        self.client.publish(topic, payload, qos, retain)
        self.get("publish")

    def leave(self):
        self.client.disconnect()
        self.client.loop_stop()

    def die(self):
        self.client.loop_stop()
        self.client.socket().close()


pub = Far("pub")
pub.publish(f"{ROOT}/kept", "old", 1, True)

sub = Far("sub", keep=True, will=None)
assert not sub.present
assert sub.subscribe(f"{ROOT}/#", 1) == [1]
assert sub.get("message") == (f"{ROOT}/kept", "old", 1, 1)
for qos in (0, 1):
    pub.publish(f"{ROOT}/live", f"qos{qos}", qos)
    assert sub.get("message") == (f"{ROOT}/live", f"qos{qos}", qos, 0)
pub.publish(f"{ROOT}/live", "qos2", 2)  # is heard with QoS 1
assert sub.get("message") == (f"{ROOT}/live", "qos2", 1, 0)
sub.leave()

dying = Far("dying", will=(f"{ROOT}/will", "bye", 1, False))
for number in range(100):
    pub.publish(f"{ROOT}/away", str(number), 1)
dying.die()

sub = Far("sub", keep=True)
assert sub.present
for number in range(100):
    assert sub.get("message") == (f"{ROOT}/away", str(number), 1, 0)
assert sub.get("message") == (f"{ROOT}/will", "bye", 1, 0)
sub.leave()

# A shared subscription: one of the members, and the other one if that one is gone.
members = [Far("one"), Far("two")]
for member in members:
    assert member.subscribe(f"$share/{ROOT}/{ROOT}/jobs", 1) == [1]
for number in range(6):
    pub.publish(f"{ROOT}/jobs", str(number), 1)
for start, member in enumerate(members):
    for number in range(start, 6, 2):
        assert member.get("message") == (f"{ROOT}/jobs", str(number), 1, 0)
members[0].leave()
for number in range(3):
    pub.publish(f"{ROOT}/jobs", str(number), 1)
    assert members[1].get("message") == (f"{ROOT}/jobs", str(number), 1, 0)
members[1].leave()
pub.leave()
