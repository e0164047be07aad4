"""A server as a process of its own, with a fake model, which starts in a second.

python -m fake_server FLAGS …
"""

from fake_encoder import FakeEncoder
from server_command import main

if __name__ == "__main__":
    main(lambda _: [FakeEncoder()])
