"""The client's half of SRP, for clients that leave it to whoever calls them."""

from keyward_api import Person
from pycognito.aws_srp import AWSSRP


class Srp:
    """One attempt: what to send first, and the answer to what comes back."""

    def __init__(self, keyward, person: Person):
        self._proof = AWSSRP(
            person.username, person.password, keyward.pool_id, keyward.client_id, client=keyward.cognito
        )
        self.parameters = self._proof.get_auth_params()

    def responses(self, challenge: dict) -> dict:
        return self._proof.process_challenge(challenge["ChallengeParameters"], self.parameters)
