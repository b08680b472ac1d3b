"""`python -m spanloom_shop`: the shop alone, beside an agent that runs already, until Ctrl-C."""

import argparse
import asyncio
import signal

from spanloom_shop.main import ShopSettings, running_shop


def main() -> None:
    """Run the shop as the command line says."""
    defaults = ShopSettings()
    parser = argparse.ArgumentParser(prog="spanloom_shop", description="A small shop, traced.")
    parser.add_argument("--agent", default=defaults.agent, help="who takes the spans (default %(default)s)")
    parser.add_argument("--rate", type=float, default=defaults.rate, help="visits a second (%(default)s)")
    parser.add_argument("--seed", type=int, help="the same seed, the same visits and faults")
    parser.add_argument("--port", type=int, default=defaults.port, help="first of six (default %(default)s)")
    given = parser.parse_args()
    asyncio.run(run(ShopSettings(agent=given.agent, rate=given.rate, seed=given.seed, port=given.port)))


async def run(settings: ShopSettings) -> None:
    """Keep the shop open until SIGINT or SIGTERM."""
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    async with running_shop(settings) as shop:
        print(
            f"The shop is open at {shop.addresses['frontend']}; its spans go to {settings.agent}.", flush=True
        )
        await told.wait()


if __name__ == "__main__":
    main()
