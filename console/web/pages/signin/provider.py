"""Leads people to the identity provider to sign in, and takes them back."""

from console.accounts.attempts import TooManyAttempts, attempt_limit, count_attempt
from console.accounts.login import NETWORK_MAX, network_of
from console.accounts.provider.provider import Provider, ProviderRefused
from console.accounts.provider.provider_http import ProviderUnavailable
from console.accounts.provider.provider_sign_ins import find_account, note_begun, take_begun
from console.web.page_errors import NotFound
from console.web.page_request import PageRequest
from console.web.pages.login import sign_in_page
from console.web.pages.signin.code import enter
from console.web.redirects import local_path
from console.web.responses import Answer, Departure
from shared.vocabulary import AccessEvent


def leave(request: PageRequest) -> Answer:
    """Sends the browser to the provider. It changes nothing but what waits for its return."""
    provider, key = _provider(request), request.services.settings.secret_key
    back = local_path(request.query.get("next", "/"))
    try:
        network = f"provider from {network_of(request.address)}"
        count_attempt(request.connection, [attempt_limit(key, network, NETWORK_MAX)])
        begun = provider.begin()
    except (ProviderUnavailable, TooManyAttempts) as error:
        return sign_in_page(request, back, error)
    note_begun(request.connection, key, request.secret, begun, back)
    return Departure(begun.address)


def arrive(request: PageRequest) -> Answer:
    """Signs in whom the provider has authenticated, if an account fits."""
    provider, query = _provider(request), request.query
    key = request.services.settings.secret_key
    try:
        begun = take_begun(request.connection, key, request.secret, query.get("state"))
        if not query.get("code"):
            raise ProviderRefused("The sign-in service did not let you in.")
        identity = provider.finish(query.get("code"), begun.nonce, begun.verifier, query.get("iss"))
        person = find_account(request.connection, identity)
    except (ProviderRefused, ProviderUnavailable) as error:
        request.note_access(AccessEvent.PROVIDER_REFUSED)
        return sign_in_page(request, "/", error)
    return enter(request, person, begun.back, by_provider=True)


def _provider(request: PageRequest) -> Provider:
    """Returns the provider of the installation. Raises NotFound if there is none."""
    provider = request.services.provider
    if provider is None:
        raise NotFound
    return provider
