"""Requests as the VAMS command line 2.5.1 makes them, and what it reads of the answers.

Written from its captured traffic: the same paths, bodies, headers, retries and order of calls, so that what
passes here passes there. It has no table output and stores nothing.
"""

import os
import time
from urllib.parse import urlparse

import boto3
import requests

VERSION = "2.5.1"
MAX_RETRIES = 5
MAX_AUTHENTICATIONS = 3


class VamsError(Exception):
    """A refusal, with the text that the command line would show."""

    def __init__(self, status: int, message: str, text: str):
        super().__init__(text)
        self.status = status
        self.message = message


class VamsClient:
    def __init__(self, base_url: str, secrets):
        self.base_url = base_url
        self.config = {}
        self.tokens = {}
        self.user_id = None
        self._secrets = secrets
        self._session = requests.Session()
        self._session.headers.update({"Content-Type": "application/json", "User-Agent": f"vamscli/{VERSION}"})

    # setup and auth

    def setup(self) -> dict:
        """`setup URL`: the version, then the configuration, whose `api` is the base of all later calls."""
        version = self._session.get(f"{self.base_url}/api/version").json()["version"]
        self.config = self._session.get(f"{self.base_url}/api/amplify-config").json()
        if urlparse(self.config["api"]).scheme not in ("http", "https"):
            raise ValueError(f"api is {self.config['api']!r}")
        self.config["api"] = self.config["api"].rstrip("/")
        return {"api_version": version, "version_match": version == VERSION}

    def login(self, username: str, password: str, new_password: str | None = None, code=None) -> dict:
        """`auth login -u USERNAME` with the answers to the challenges, and the two calls that follow."""
        version = self._session.get(f"{self.config['api']}/api/version").json()["version"]
        if [int(part) for part in version.split(".")][:2] < [2, 2]:
            raise ValueError("API Unavailable")
        self._session.get(f"{self.config['api']}/api/version")
        answer = self._cognito().initiate_auth(
            AuthFlow="USER_PASSWORD_AUTH",
            ClientId=self.config["cognitoAppClientId"],
            AuthParameters={"USERNAME": username, "PASSWORD": password},
        )
        answers = {
            "NEW_PASSWORD_REQUIRED": lambda: {"NEW_PASSWORD": new_password},
            "SOFTWARE_TOKEN_MFA": lambda: {"SOFTWARE_TOKEN_MFA_CODE": code()},
        }
        while "ChallengeName" in answer:
            # It never sends USERNAME here: the session has to say who it is.
            answer = self._cognito().respond_to_auth_challenge(
                ClientId=self.config["cognitoAppClientId"],
                ChallengeName=answer["ChallengeName"],
                Session=answer["Session"],
                ChallengeResponses=answers[answer["ChallengeName"]](),
            )
        self.tokens = {name: answer["AuthenticationResult"][name] for name in TOKEN_MEMBERS}
        self._secrets.watch(self.tokens)
        self.user_id = username
        profile = self.request("GET", f"/auth/loginProfile/{username}")
        features = self.request("GET", "/secure-config")["featuresEnabled"]
        return {"profile": profile["message"]["Items"], "features": features.split(",")}

    def use_token(self, user_id: str, token: str) -> "VamsClient":
        """`auth login --token-override`: an API key or a token that somebody else got."""
        self.tokens = {"AccessToken": token, "TokenType": "override"}
        self.user_id = user_id
        return self

    def refresh(self) -> None:
        answer = self._cognito().initiate_auth(
            AuthFlow="REFRESH_TOKEN_AUTH",
            ClientId=self.config["cognitoAppClientId"],
            AuthParameters={"REFRESH_TOKEN": self.tokens["RefreshToken"]},
        )
        self.tokens.update(answer["AuthenticationResult"])
        self._secrets.watch(self.tokens)

    def _cognito(self):
        # As an operator points the real one elsewhere: by the environment, since it makes its client itself.
        os.environ["AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER"] = self.base_url
        return boto3.client("cognito-idp", region_name=self.config["region"])

    # users

    def list_users(self, page_size: int | None = None, starting_token: str | None = None) -> dict:
        return self.request("GET", "/user/cognito", params=paging(page_size, starting_token))

    def list_all_users(self, page_size: int) -> dict:
        """`user cognito list --auto-paginate`."""
        return self._all_pages(self.list_users, page_size, lambda page: page)

    def create_user(self, user_id: str, email: str, phone: str | None = None) -> dict:
        body = {"userId": user_id, "email": email}
        return self.request("POST", "/user/cognito", body | ({"phone": phone} if phone else {}))

    def update_user(self, user_id: str, **fields: str) -> dict:
        return self.request("PUT", f"/user/cognito/{user_id}", fields)

    def delete_user(self, user_id: str) -> dict:
        return self.request("DELETE", f"/user/cognito/{user_id}")

    def reset_password(self, user_id: str) -> dict:
        return self.request("POST", f"/user/cognito/{user_id}/resetPassword", {"confirmReset": True})

    # API keys

    def list_keys(self) -> list[dict]:
        return self.request("GET", "/auth/api-keys")["Items"]

    def get_key(self, key_id: str) -> dict:
        return self.request("GET", f"/auth/api-keys/{key_id}")

    def create_key(self, name: str, user_id: str, description: str, expires_at: str | None = None) -> dict:
        body = {"apiKeyName": name, "userId": user_id, "description": description}
        return self.request(
            "POST", "/auth/api-keys", body | ({"expiresAt": expires_at} if expires_at else {})
        )

    def update_key(self, key_id: str, **fields: str) -> dict:
        return self.request("PUT", f"/auth/api-keys/{key_id}", fields)

    def delete_key(self, key_id: str) -> dict:
        return self.request("DELETE", f"/auth/api-keys/{key_id}")

    # roles and their users

    def list_roles(self, page_size: int | None = None, starting_token: str | None = None) -> dict:
        return self.request("GET", "/roles", params=paging(page_size, starting_token))["message"]

    def list_all_roles(self, page_size: int = 60) -> dict:
        return self._all_pages(self.list_roles, page_size, lambda page: page)

    def create_role(self, name: str, description: str, **fields: object) -> dict:
        return self.request("POST", "/roles", {"roleName": name, "description": description, **fields})

    def update_role(self, name: str, **fields: object) -> dict:
        return self.request("PUT", "/roles", {"roleName": name, **fields})

    def delete_role(self, name: str) -> dict:
        return self.request("DELETE", f"/roles/{name}")

    def list_user_roles(self, page_size: int | None = None, starting_token: str | None = None) -> dict:
        return self.request("GET", "/user-roles", params=paging(page_size, starting_token))["message"]

    def roles_of(self, user_id: str) -> list[str]:
        everybody = self._all_pages(self.list_user_roles, 500, lambda page: page)["Items"]
        return sorted(role for item in everybody if item["userId"] == user_id for role in item["roleName"])

    def add_user_roles(self, user_id: str, *roles: str) -> dict:
        return self.request("POST", "/user-roles", {"userId": user_id, "roleName": list(roles)})

    def set_user_roles(self, user_id: str, *roles: str) -> dict:
        return self.request("PUT", "/user-roles", {"userId": user_id, "roleName": list(roles)})

    def delete_user_roles(self, user_id: str) -> dict:
        return self.request("DELETE", "/user-roles", {"userId": user_id})

    # how it sends

    def request(self, method: str, path: str, body: object = None, params: dict | None = None):
        """One call as `_make_request` does it: waits on 429, signs in anew on 401 and 403, else raises."""
        for _ in range(MAX_AUTHENTICATIONS + 1):
            answer = self._send(method, path, body, params)
            if answer.status_code not in (401, 403) or "RefreshToken" not in self.tokens:
                break
            self.refresh()
        document = answer.json() if answer.content else {}
        self._secrets.watch(body)
        self._secrets.watch(document)
        if answer.status_code >= 400:
            raise VamsError(answer.status_code, document.get("message", ""), error_text(answer, document))
        return document

    def _send(self, method: str, path: str, body: object, params: dict | None) -> requests.Response:
        authorization = {"Authorization": f"Bearer {self.tokens['AccessToken']}"}
        for attempt in range(MAX_RETRIES + 1):
            url = self.config["api"] + path
            answer = self._session.request(method, url, json=body, params=params, headers=authorization)
            if answer.status_code != 429:
                break
            time.sleep(min(float(answer.headers.get("Retry-After", 2**attempt)), 60))
        return answer

    @staticmethod
    def _all_pages(list_page, page_size: int, unwrap) -> dict:
        items, pages, token = [], 0, None
        while True:
            page = unwrap(list_page(page_size, token))
            items += page.get("Items", [])
            pages += 1
            token = page.get("NextToken")
            if not token:
                return {"Items": items, "totalItems": len(items), "pageCount": pages}


TOKEN_MEMBERS = ("AccessToken", "RefreshToken", "IdToken", "TokenType", "ExpiresIn")


def paging(page_size: int | None, starting_token: str | None) -> dict:
    return {
        name: value
        for name, value in (("pageSize", page_size), ("startingToken", starting_token))
        if value is not None
    }


def error_text(answer: requests.Response, document: dict) -> str:
    status, message = answer.status_code, document.get("message", "")
    if status == 400:
        return f"Invalid request (400): {message}"
    if status == 404:
        return f"Resource not found (404): {message}"
    if status >= 500:
        return f"Server error ({status}): {message}. The VAMS API is experiencing issues."
    return f"API request failed ({status}): {message}"
