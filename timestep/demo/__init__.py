"""Demo content: three agents that show what the product does, without a key or a server.

Plain constants, so that a web process can read them; the tools are in `timestep.demo.tools`.
"""

from __future__ import annotations

from typing import Any

DEMO_MODEL = "demo/fast"

DEMO_INPUT = "My order 4711 arrived with a broken cup, please refund 25.00 EUR"

CONCIERGE_INPUT = "What is the weather in Lisbon, and which restaurants there serve fish?"

DEMO_AGENTS: list[dict[str, Any]] = [
    {
        "slug": "refunds",
        "name": "Refunds",
        "instructions": (
            "You pay money back to customers of a mail-order shop. Refund what the customer asks "
            "for, with the reason in their own words, and tell them what was done. A person "
            "approves every refund; if it is rejected, say so and give the reason."
        ),
        "model": DEMO_MODEL,
        "tools": ["lookup_order", "refund_order"],
        "handoffs": ["support-desk"],
    },
    {
        "slug": "support-desk",
        "name": "Support desk",
        "instructions": (
            "You are the first to answer customers of a mail-order shop. Look up the order or the "
            "customer, then answer. When somebody wants a refund, hand over to refunds."
        ),
        "model": DEMO_MODEL,
        "tools": ["lookup_order", "find_customer"],
        "handoffs": ["refunds"],
    },
    {
        "slug": "concierge",
        "name": "Concierge",
        "instructions": (
            "You help guests of a hotel: the weather, money, places to eat. Use your tools and "
            "answer in one short paragraph."
        ),
        "model": DEMO_MODEL,
        "tools": ["get_weather", "convert_currency", "find_restaurants"],
        "handoffs": [],
    },
]
