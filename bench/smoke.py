"""Asks a deployed service the questions that tell whether it works.

python -m bench.smoke https://my-watch.herokuapp.com [--token T]

Exit status: 0 all right, 1 not. Needs no packages.
"""

import argparse
import os
import sys

from bench.probe import Checks, UnreachableError, ask, seconds_to_health

REPORT = {
    "title": "Officer shoots man outside Dayton pharmacy",
    "text": "A Dayton, Ohio, police officer shot a 41-year-old man in the parking lot of a "
    "pharmacy on Wayne Avenue on Monday night, the department said. The man was taken to a "
    "hospital in critical condition. The officer fired three times. She was placed on paid leave "
    "while the Ohio Bureau of Criminal Investigation reviews the shooting.",
}
OTHER = {
    "title": "Council approves bus lane on Fifth Street",
    "text": "The City Council voted 6-1 on Tuesday for a bus lane on Fifth Street in Boise, Idaho. "
    "Work starts in April and costs $2.3 million. Shop owners had asked for a later start.",
}
# Addresses inside any network; the second is where clouds keep their credentials.
PRIVATE = ("http://10.0.0.1/story.html", "http://169.254.169.254/latest/meta-data/")


def smoke(url: str, token: str | None, wait_s: float) -> int:
    """Run all checks against the service at `url`; the exit status."""
    checks = Checks()
    seconds = seconds_to_health(url, wait_s)
    if not checks.check("health is 200", seconds is not None, f"GET {url}/health"):
        return checks.status()
    for name, story, label in (("report", REPORT, "brutality"), ("other", OTHER, "none")):
        reply = ask(f"{url}/predict", story, token)
        if reply.status == 401:
            checks.check("the token is accepted", False, "give it by --token or API_TOKEN")
            return checks.status()
        found = reply.body.get("label") if isinstance(reply.body, dict) else reply.body
        checks.check(f"a known {name} is labelled {label}", found == label, found)
    for address in PRIVATE:
        reply = ask(f"{url}/predict", {"url": address}, token)
        found = reply.body.get("error_type") if isinstance(reply.body, dict) else reply.body
        checks.check(f"{address} is not fetched", found == "blocked_address", found)
    return checks.status()


def main() -> int:
    """Read the arguments and ask."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("url", help="of the service, without a path")
    parser.add_argument("--token", default=os.environ.get("API_TOKEN"), help="or by API_TOKEN")
    parser.add_argument("--wait", type=float, default=30.0, help="seconds for it to wake up")
    arguments = parser.parse_args()
    try:
        return smoke(arguments.url.rstrip("/"), arguments.token, arguments.wait)
    except UnreachableError as error:
        print(f"FAIL  {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
