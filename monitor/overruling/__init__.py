"""A person's word against the evidence: orders that go to the judge, and the switch that stops this replica at once."""

from monitor.overruling.kill_switch import Killed, KillSwitch
from monitor.overruling.orders import Orders, OrdersFull

__all__ = ["KillSwitch", "Killed", "Orders", "OrdersFull"]
